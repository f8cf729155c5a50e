//! How values stand in a row of ClickHouse's RowBinary.
//! <https://clickhouse.com/docs/interfaces/formats/RowBinary>

use uuid::Uuid;

/// Appends a UUID: two little-endian halves.
pub fn put_uuid(id: Uuid, row: &mut Vec<u8>) {
    let (high, low) = id.as_u64_pair();
    row.extend_from_slice(&high.to_le_bytes());
    row.extend_from_slice(&low.to_le_bytes());
}

/// Appends a text behind its length.
#[inline]
pub fn put_text(text: &str, row: &mut Vec<u8>) {
    put_length(text.len(), row);
    row.extend_from_slice(text.as_bytes());
}

#[inline]
fn put_length(length: usize, row: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => row.push(short),
        _ => {
            let (length, length_bytes) = leb128(length);
            row.extend_from_slice(&length[..length_bytes]);
        }
    }
}

/// Unsigned LEB128, and how many bytes it takes.
#[must_use]
pub fn leb128(mut number: usize) -> ([u8; 10], usize) {
    let mut bytes = [0; 10];
    let mut place = 0;
    loop {
        bytes[place] = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return (bytes, place + 1);
        }
        bytes[place] |= 0x80;
        place += 1;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn read_length(bytes: &[u8]) -> (usize, usize) {
        let mut length = 0;
        for (position, byte) in bytes.iter().enumerate() {
            length |= usize::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                return (length, position + 1);
            }
        }
        panic!("a length without an end");
    }

    proptest! {
        #[test]
        fn lengths_are_leb128(length in 0..=usize::MAX >> 1) {
            let mut bytes = Vec::new();
            put_length(length, &mut bytes);
            prop_assert_eq!(read_length(&bytes), (length, bytes.len()));
        }
    }

    #[test]
    fn a_uuid_is_two_little_endian_halves() {
        let mut row = Vec::new();
        put_uuid(
            Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff),
            &mut row,
        );
        assert_eq!(
            row,
            [
                0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88
            ]
        );
    }
}
