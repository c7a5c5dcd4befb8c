//! Where in a text a byte is, in lines.

/// Counts lines, each of which is passed once.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// The line of a byte, counted from 1. Asked for in ascending order.
    pub(super) fn line_at(&mut self, offset: usize) -> usize {
        let bytes = self.text.as_bytes();
        let offset = offset.min(bytes.len());
        while self.at < offset {
            let is_break = match bytes[self.at] {
                b'\n' => true,
                b'\r' => bytes.get(self.at + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line += usize::from(is_break);
            self.at += 1;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_break_counts_once() {
        let mut lines = Lines::of("a\nb\r\nc\rd\n\ne");
        let found: Vec<usize> = [0, 2, 5, 7, 10, 99].map(|at| lines.line_at(at)).into();
        assert_eq!(found, [1, 2, 3, 4, 6, 6]);
    }
}
