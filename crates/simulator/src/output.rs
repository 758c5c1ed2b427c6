//! The output of a run: plain text on standard output, and aligned tables.

use std::io::Write;

/// Prints a line. Ignores a closed pipe.
pub(crate) fn say(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout(), "{}", line.as_ref());
}

/// Aligns `rows` under `header`; the last column keeps its width.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = header.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut padded = String::new();
        for (cell, width) in cells.zip(widths) {
            padded.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(padded.trim_end());
        text.push('\n');
    };
    line(&mut header.into_iter());
    let rules = widths.map(|width| "-".repeat(width));
    line(&mut rules.iter().map(String::as_str));
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let text = table(["event", "n"], &[["é".into(), "1".into()], ["longer".into(), "22".into()]]);
        assert_eq!(text, "event   n\n------  --\né       1\nlonger  22\n");
    }
}
