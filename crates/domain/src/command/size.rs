//! The approximate memory of a value until its commit.

use std::{
    cell::Cell,
    io::{self, Write},
};

use serde::Serialize;
use serde_json::ser::Formatter;

/// The approximate bytes of a value beside its text: a member has a name, and a list has spare capacity.
const OF_A_VALUE: usize = 200;

/// The approximate memory of a value in bytes: its text, and a constant for each of its values.
#[must_use]
pub fn weight_of(thing: &impl Serialize) -> usize {
    let (bytes, values) = (Cell::new(0), Cell::new(0));
    let mut serializer = serde_json::Serializer::with_formatter(Bytes(&bytes), Values(&values));
    // A value that cannot be serialised weighs as much as was serialised of it.
    let _ = thing.serialize(&mut serializer);
    weight(bytes.get(), values.get())
}

/// The length of a value as JSON in bytes.
#[must_use]
pub fn text_length(thing: &impl Serialize) -> usize {
    let bytes = Cell::new(0);
    // A value that cannot be serialised is as long as what was serialised of it.
    let _ = serde_json::to_writer(Bytes(&bytes), thing);
    bytes.get()
}

/// The weight of `text` bytes of text with `values` values.
#[must_use]
pub fn weight(bytes: usize, values: usize) -> usize {
    bytes.saturating_add(values.saturating_mul(OF_A_VALUE))
}

struct Bytes<'a>(&'a Cell<usize>);

impl Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Values<'a>(&'a Cell<usize>);

impl Values<'_> {
    fn one_more(&self) {
        self.0.set(self.0.get() + 1);
    }
}

impl Formatter for Values<'_> {
    fn begin_array_value<W: ?Sized + Write>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        self.one_more();
        Ok(())
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        self.one_more();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_thing_weighs_its_text_and_its_values() {
        assert_eq!(weight_of(&"abc"), 5);
        // The count leaves out commas, because each value counts for far more.
        assert_eq!(weight_of(&json!(["a,b", {"c": 1}])), weight(14, 3));
        assert!(weight_of(&vec![1; 1_000]) > 200_000);
    }
}
