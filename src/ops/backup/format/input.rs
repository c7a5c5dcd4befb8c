//! Text as it comes in, looked at a line or a piece at a time.

use std::io::Read;

use super::FormatError;

const SIZE: usize = 128 * 1024;

/// A window on what is read. It never grows, whatever the text says.
#[derive(Debug)]
pub(super) struct Input<R> {
    inner: R,
    buffer: Box<[u8]>,
    begin: usize,
    end: usize,
    at_end: bool,
}

impl<R: Read> Input<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            buffer: vec![0; SIZE].into_boxed_slice(),
            begin: 0,
            end: 0,
            at_end: false,
        }
    }

    /// At least so many bytes that come next, or all that are left.
    pub(super) fn ahead(&mut self, wanted: usize) -> Result<&[u8], FormatError> {
        while self.end - self.begin < wanted && !self.at_end {
            if self.begin > 0 {
                self.buffer.copy_within(self.begin..self.end, 0);
                self.end -= self.begin;
                self.begin = 0;
            }
            match self.inner.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(&self.buffer[self.begin..self.end])
    }

    /// What `ahead` has shown, without asking for more.
    pub(super) fn seen(&self, count: usize) -> &[u8] {
        &self.buffer[self.begin..self.begin + count]
    }

    /// Passes by what was seen.
    pub(super) fn pass(&mut self, count: usize) {
        self.begin += count;
    }

    /// What was passed by last.
    pub(super) fn passed(&self, count: usize) -> &[u8] {
        &self.buffer[self.begin - count..self.begin]
    }

    /// The length of the line that comes next, its end included. It must not be longer than `most`.
    pub(super) fn line(&mut self, most: usize) -> Result<usize, FormatError> {
        let most = most.min(SIZE);
        let mut wanted = 1;
        loop {
            let ahead = self.ahead(wanted)?;
            let looked_at = ahead.len().min(most);
            if let Some(at) = memchr::memchr(b'\n', &ahead[..looked_at]) {
                return Ok(at + 1);
            }
            if looked_at == most {
                return Err(FormatError::damaged("a line is too long"));
            }
            if ahead.len() < wanted {
                return Err(FormatError::Cut);
            }
            wanted = ahead.len() + 1;
        }
    }
}
