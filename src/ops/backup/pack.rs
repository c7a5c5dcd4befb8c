//! Backups as files: compressed, sealed, encrypted if wanted, and under their names only when they are whole and synced.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek as _, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{FlockOperation, flock};

use super::BackupError;
use super::format::{FormatError, Frames, Manifest, Reader, SealReader, SealWriter, Summary, Writer};
use crate::db::SchemaName;
use crate::ops::making::opening;
use crate::ops::whole_file::{PARTIAL, sync_folder};

/// How backups' names end.
pub(super) const EXTENSION: &str = ".sql.zst";
/// The same for those that are encrypted.
pub(super) const ENCRYPTED: &str = ".sql.zst.age";

/// Beyond this zstd takes much more time than it saves room.
const LEVEL: i32 = 3;
/// Eight megabytes: no file makes us take more memory than that to decompress it.
const WINDOW_LOG: u32 = 23;
/// How compressed files begin.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// How encrypted files begin.
const AGE: &[u8] = b"age-encryption.org/v1\n";

/// Whom backups are encrypted to; nobody where they are not.
#[derive(Debug, Clone, Default)]
pub struct Recipients(Vec<age::x25519::Recipient>);

impl Recipients {
    /// Reads recipients as age writes them: `age1…`.
    pub fn new(written: &[String]) -> Result<Self, BackupError> {
        let read = |text: &String| {
            age::x25519::Recipient::from_str(text).map_err(|reason| BackupError::Recipient {
                recipient: text.clone(),
                reason: reason.to_owned(),
            })
        };
        Ok(Self(written.iter().map(read).collect::<Result<_, _>>()?))
    }

    /// Whether backups are not encrypted.
    pub fn is_nobody(&self) -> bool {
        self.0.is_empty()
    }

    /// How the names of such backups end.
    pub(super) fn extension(&self) -> &'static str {
        if self.0.is_empty() { EXTENSION } else { ENCRYPTED }
    }
}

/// The keys that encrypted backups are read with.
#[derive(Clone, Default)]
pub struct Identities(Vec<Arc<dyn age::Identity + Send + Sync>>);

impl Identities {
    /// Reads files as `age-keygen` writes them.
    pub fn load(files: &[PathBuf]) -> Result<Self, BackupError> {
        let mut identities: Vec<Arc<dyn age::Identity + Send + Sync>> = Vec::new();
        for file in files {
            let unusable = |reason: String| BackupError::Identity {
                file: file.clone(),
                reason,
            };
            let text = fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
            for line in text.lines().map(str::trim) {
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                let identity = age::x25519::Identity::from_str(line);
                let identity = identity.map_err(|reason| unusable(reason.to_owned()))?;
                identities.push(Arc::new(identity));
            }
        }
        Ok(Self(identities))
    }
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identities({})", self.0.len())
    }
}

/// Where bytes go: into the file, or into what encrypts them.
enum Outer {
    Plain(File),
    Encrypted(age::stream::StreamWriter<File>),
}

impl Write for Outer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Encrypted(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Encrypted(file) => file.flush(),
        }
    }
}

/// A backup that is being written beside its name. Dropped before its end it is removed.
pub(super) struct FileWriter {
    writer: Writer<Frames<SealWriter<Outer>>>,
    partial: Partial,
    taken_at: Timestamp,
}

/// A backup that is there.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) file: PathBuf,
    pub(super) bytes: u64,
    /// As it stands in the file and in its name.
    pub(super) taken_at: Timestamp,
    pub(super) sums: Summary,
}

/// A file under its preliminary name. Its lock tells others that somebody is at it.
struct Partial {
    path: PathBuf,
    wanted: PathBuf,
    is_done: bool,
    _lock: File,
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_done {
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Takes a name for a backup. Where another run has taken that tenant's in the same millisecond, this one is from the
/// next.
fn take_name(folder: &Path, manifest: &mut Manifest, extension: &str) -> io::Result<(Partial, File)> {
    loop {
        let moment = manifest.taken_at.strftime("%Y%m%dT%H%M%S%3fZ");
        let name = format!("{}-{moment}{extension}", manifest.tenant.slug);
        let path = folder.join(format!("{name}{PARTIAL}"));
        match File::create_new(&path) {
            Ok(file) => {
                let partial = Partial {
                    path,
                    wanted: folder.join(&name),
                    is_done: false,
                    _lock: file.try_clone()?,
                };
                flock(&file, FlockOperation::NonBlockingLockExclusive).ok();
                // Asked for when nobody else can be writing it any more.
                if !partial.wanted.exists() {
                    return Ok((partial, file));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        manifest.taken_at += SignedDuration::from_millis(1);
    }
}

impl FileWriter {
    /// Begins a backup in `folder`.
    pub(super) fn begin(
        folder: &Path,
        mut manifest: Manifest,
        schema: SchemaName,
        recipients: &Recipients,
    ) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let (partial, file) = take_name(folder, &mut manifest, recipients.extension())?;
        let taken_at = manifest.taken_at;
        let outer = if recipients.0.is_empty() {
            Outer::Plain(file)
        } else {
            let to = recipients
                .0
                .iter()
                .map(|recipient| recipient as &dyn age::Recipient);
            let encryptor = age::Encryptor::with_recipients(to).map_err(io::Error::other)?;
            Outer::Encrypted(encryptor.wrap_output(file)?)
        };
        let frames = Frames::new(SealWriter::new(outer), LEVEL)?;
        let opening = opening(&schema);
        Ok(Self {
            writer: Writer::begin(frames, manifest, schema, &opening)?,
            partial,
            taken_at,
        })
    }

    pub(super) fn begin_table(&mut self) -> io::Result<()> {
        self.writer.begin_table()
    }

    pub(super) fn rows(&mut self, piece: &[u8]) -> io::Result<()> {
        self.writer.rows(piece)
    }

    pub(super) fn end_table(&mut self) -> io::Result<()> {
        self.writer.end_table()
    }

    /// Ends the backup and gives it its name, once nothing of it can be lost.
    pub(super) fn finish(self) -> io::Result<Written> {
        let Self {
            writer,
            mut partial,
            taken_at,
        } = self;
        let (frames, sums) = writer.finish()?;
        let mut file = match frames.finish()?.finish()? {
            Outer::Plain(file) => file,
            Outer::Encrypted(writer) => writer.finish()?,
        };
        file.flush()?;
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        fs::rename(&partial.path, &partial.wanted)?;
        partial.is_done = true;
        sync_folder(&partial.wanted)?;
        Ok(Written {
            file: partial.wanted.clone(),
            bytes,
            taken_at,
            sums,
        })
    }
}

/// A backup that is being read.
pub(super) type FileReader = Reader<Box<dyn Read + Send>>;

/// Opens a backup and reads its manifest.
pub(super) fn open(path: &Path, identities: &Identities) -> Result<FileReader, FormatError> {
    read(compressed(path, identities)?)
}

/// Opens a backup for what is compressed in it.
fn compressed(path: &Path, identities: &Identities) -> Result<Box<dyn Read + Send>, FormatError> {
    let mut file = File::open(path).map_err(FormatError::Io)?;
    let mut begin = Vec::new();
    Read::by_ref(&mut file)
        .take(AGE.len() as u64)
        .read_to_end(&mut begin)
        .map_err(FormatError::Io)?;
    file.rewind().map_err(FormatError::Io)?;
    if ZSTD.starts_with(&begin) || AGE.starts_with(&begin) && begin.len() < AGE.len() {
        return Err(FormatError::Cut);
    }
    if begin.starts_with(&ZSTD) {
        return Ok(Box::new(file));
    }
    if begin != AGE {
        return Err(FormatError::NotOurs("it is not compressed by zstd"));
    }
    if identities.0.is_empty() {
        return Err(FormatError::Encrypted);
    }
    let decryptor = age::Decryptor::new_buffered(BufReader::new(file)).map_err(not_decrypted)?;
    let identities = identities
        .0
        .iter()
        .map(|identity| &**identity as &dyn age::Identity);
    Ok(Box::new(decryptor.decrypt(identities).map_err(not_decrypted)?))
}

/// Reads what is compressed and sealed.
pub(super) fn read(inner: Box<dyn Read + Send>) -> Result<FileReader, FormatError> {
    let mut decoder = zstd::Decoder::new(SealReader::new(inner))?;
    decoder.window_log_max(WINDOW_LOG)?;
    Reader::open(Box::new(decoder))
}

fn not_decrypted(error: age::DecryptError) -> FormatError {
    match error {
        age::DecryptError::NoMatchingKeys => FormatError::NotForUs(error.to_string()),
        age::DecryptError::Io(error) => error.into(),
        error => FormatError::Damaged(error.to_string()),
    }
}

/// Reads the whole of a backup and says what is in it, if it is whole.
pub(super) fn check(path: &Path, identities: &Identities) -> Result<(Manifest, Summary), FormatError> {
    let reader = open(path, identities)?;
    let manifest = reader.manifest().clone();
    Ok((manifest, reader.finish()?))
}

/// Finds out by its seal whether every byte of a backup is the one that was written. What the bytes say is looked at no
/// further than to the manifest.
pub(super) fn check_seal(path: &Path, identities: &Identities) -> Result<Manifest, FormatError> {
    let manifest = open(path, identities)?.manifest().clone();
    io::copy(
        &mut SealReader::new(compressed(path, identities)?),
        &mut io::sink(),
    )?;
    Ok(manifest)
}
