//! Writes a value that a handler or a client has stored to standard output.

use std::io::{self, IsTerminal, Write};

use zigts_rules::printable::printable;

/// Writes the bytes as they are; to a terminal, text with its unprintable characters escaped, and other bytes as
/// hexadecimal numbers.
///
/// # Errors
/// When standard output is closed.
pub fn write(bytes: &[u8], output: &mut (impl Write + IsTerminal)) -> io::Result<()> {
    match std::str::from_utf8(bytes) {
        // What a client has sent must not drive the operator's terminal.
        Ok(text) if output.is_terminal() => {
            for line in text.split('\n') {
                writeln!(output, "{}", printable(line))?;
            }
        }
        Ok(text) => output.write_all(text.as_bytes())?,
        Err(_binary) if output.is_terminal() => {
            for (number, line) in bytes.chunks(16).enumerate() {
                write!(output, "{:08x} ", number * 16)?;
                for byte in line {
                    write!(output, " {byte:02x}")?;
                }
                writeln!(output)?;
            }
        }
        Err(_binary) => output.write_all(bytes)?,
    }
    Ok(())
}
