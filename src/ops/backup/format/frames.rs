//! Text in frames of zstd, each made of one stretch of memory. A stream that takes text piece by piece has what it may
//! refer to in two places, and takes half as long again. To decompressors the frames are one text.

use std::io::{self, Write};

use zstd::bulk::Compressor;

/// How much text a frame has. More is hardly smaller in the end.
const FRAME: usize = 4 * 1024 * 1024;

/// Compresses what is written.
pub struct Frames<W> {
    inner: W,
    compressor: Compressor<'static>,
    text: Vec<u8>,
    frame: Vec<u8>,
}

impl<W: Write> Frames<W> {
    pub fn new(inner: W, level: i32) -> io::Result<Self> {
        let mut compressor = Compressor::new(level)?;
        compressor.include_checksum(true)?;
        Ok(Self {
            inner,
            compressor,
            text: Vec::new(),
            frame: Vec::new(),
        })
    }

    fn end_frame(&mut self) -> io::Result<()> {
        self.frame.clear();
        self.frame
            .reserve(zstd::zstd_safe::compress_bound(self.text.len()));
        self.compressor.compress_to_buffer(&self.text, &mut self.frame)?;
        self.inner.write_all(&self.frame)?;
        self.text.clear();
        Ok(())
    }

    /// Ends the last frame.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.text.is_empty() {
            self.end_frame()?;
        }
        Ok(self.inner)
    }
}

impl<W: Write> Write for Frames<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(FRAME - self.text.len());
        self.text.extend_from_slice(&bytes[..taken]);
        if self.text.len() == FRAME {
            self.end_frame()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        // What is not a whole frame yet can wait.
        self.inner.flush()
    }
}

impl<W> std::fmt::Debug for Frames<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").finish_non_exhaustive()
    }
}
