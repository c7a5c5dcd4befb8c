//! The seal at the end of a compressed file: a frame that decompressors skip, with a hash of every byte before it.
//!
//! Compressed data has bits that mean nothing, so that its content alone would not show that a file was changed. A file
//! that is cut has no seal.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

/// What begins a frame that is skipped, and the length of what is in it.
const HEADER: [u8; 8] = [0x5e, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];
const LENGTH: usize = HEADER.len() + 32;

/// Hashes what passes and seals it in the end.
#[derive(Debug)]
pub struct SealWriter<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> SealWriter<W> {
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
        }
    }

    /// Writes the seal.
    pub fn finish(mut self) -> io::Result<W> {
        self.inner.write_all(&HEADER)?;
        self.inner.write_all(&self.hash.finalize())?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Passes on what is sealed, and fails at the end unless the seal is right.
#[derive(Debug)]
pub struct SealReader<R> {
    inner: R,
    hash: Sha256,
    /// What was read and may be the seal, or come before it.
    buffer: Vec<u8>,
    /// How much of it was passed on.
    passed: usize,
    at_end: bool,
}

impl<R: Read> SealReader<R> {
    const SIZE: usize = 64 * 1024;

    pub fn new(inner: R) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            buffer: Vec::with_capacity(Self::SIZE),
            passed: 0,
            at_end: false,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.passed);
        self.passed = 0;
        while !self.at_end && self.buffer.len() <= LENGTH {
            let room = Self::SIZE - self.buffer.len();
            let read = self
                .inner
                .by_ref()
                .take(room as u64)
                .read_to_end(&mut self.buffer)?;
            self.at_end = read < room;
        }
        Ok(())
    }

    /// Holds what is left against what came before.
    fn check(&self) -> io::Result<usize> {
        let left = &self.buffer[self.passed..];
        let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "the seal is missing");
        if left.len() < LENGTH || left[..HEADER.len()] != HEADER {
            return Err(cut());
        }
        if left[HEADER.len()..] != *self.hash.clone().finalize() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the file is not what was written",
            ));
        }
        Ok(0)
    }
}

impl<R: Read> Read for SealReader<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.buffer.len() - self.passed <= LENGTH {
            self.fill()?;
        }
        let ready = (self.buffer.len() - self.passed).saturating_sub(LENGTH);
        if ready == 0 {
            return self.check();
        }
        let count = ready.min(bytes.len());
        let piece = &self.buffer[self.passed..self.passed + count];
        bytes[..count].copy_from_slice(piece);
        self.hash.update(piece);
        self.passed += count;
        Ok(count)
    }
}
