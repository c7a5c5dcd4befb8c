//! Blocks of code in a text, and the commands in them.

/// A block between fences.
pub(super) struct Block {
    /// The line of its fence.
    pub(super) line: usize,
    lines: Vec<String>,
}

/// A command, and what it is said to answer.
pub(super) struct Typed {
    pub(super) command: String,
    pub(super) shown: Vec<String>,
}

/// The blocks of one language.
pub(super) fn blocks(text: &str, language: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => block.lines.push(line.to_owned()),
            (None, Some(named)) => {
                open = Some(Block {
                    line: number + 1,
                    // Those of other languages are passed over as a whole.
                    lines: vec![named.to_owned()],
                });
            }
            (None, None) => {}
        }
    }
    found.retain_mut(|block| block.lines.remove(0) == language);
    found
}

impl Block {
    /// What follows a prompt, each with its answer. An alias is how the reader gets at the program.
    pub(super) fn typed(&self) -> Vec<Typed> {
        let mut typed: Vec<Typed> = Vec::new();
        for line in &self.lines {
            match (line.strip_prefix("$ "), typed.last_mut()) {
                (Some(command), _) => typed.push(Typed {
                    command: command.to_owned(),
                    shown: Vec::new(),
                }),
                (None, Some(last)) => last.shown.push(line.clone()),
                (None, None) => panic!("line {}: an answer before any command", self.line),
            }
        }
        typed.retain(|typed| !typed.command.starts_with("alias "));
        typed
    }

    /// What stands between the fences.
    pub(super) fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// The commands of a script, of a job of CI or of a crontab.
    pub(super) fn commands(&self) -> impl Iterator<Item = String> {
        self.lines.iter().filter_map(|line| {
            let command = line.trim_start_matches("- run: ");
            // Five fields say when.
            let command = match command.split_once("  ") {
                Some((when, rest)) if when.split(' ').count() == 5 => rest,
                _ => command,
            };
            let begins_with_ours = command.starts_with("tenantctl ") || command.starts_with("DATABASE_URL=");
            begins_with_ours.then(|| command.to_owned())
        })
    }
}
