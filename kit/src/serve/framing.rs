//! Framing of gRPC's messages (the protocol's Length-Prefixed-Message), and the memory that a message needs.

/// Bytes before each message: a flag and a length of four bytes.
pub(super) const PREFIX_BYTES: usize = 5;

/// Flag of a compressed message.
pub(super) const COMPRESSED_FLAG: u8 = 1;

/// Size up to which a message needs no reservation, in bytes.
pub(super) const ORDINARY_MESSAGE_BYTES: usize = 4 * 1024;

/// Largest ratio of a decompressed message to its compressed form (RFC 1951: 258 bytes for two bits).
const MAX_RATIO: usize = 1032;

/// Position in the messages' framing.
#[derive(Default)]
pub(super) struct Framing {
    prefix: [u8; PREFIX_BYTES],
    /// Bytes of the prefix that have arrived.
    known: usize,
    /// Bytes of the message that are still missing.
    left: usize,
    /// Set once a whole message has arrived.
    has_ended: bool,
    /// Largest size of a decompressed message, if the server decompresses the request's messages.
    inflated: Option<usize>,
}

impl Framing {
    /// Starts before the first message. `inflated` is the largest size of a decompressed message, if there may be some.
    pub(super) fn new(inflated: Option<usize>) -> Self {
        Self { inflated, ..Self::default() }
    }

    /// Returns true if no message is under way.
    pub(super) fn is_between(&self) -> bool {
        self.left == 0
    }

    /// Returns true once a whole message has arrived.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Follows the data. Returns the largest number of bytes that is needed by a message that starts in it.
    pub(super) fn follow(&mut self, mut data: &[u8]) -> Option<usize> {
        let mut largest = None;
        while !data.is_empty() {
            if self.left > 0 {
                let taken = self.left.min(data.len());
                self.left -= taken;
                self.has_ended |= self.left == 0;
                data = &data[taken..];
                continue;
            }
            let taken = (PREFIX_BYTES - self.known).min(data.len());
            self.prefix[self.known..self.known + taken].copy_from_slice(&data[..taken]);
            self.known += taken;
            data = &data[taken..];
            if self.known == PREFIX_BYTES {
                let [flag, length @ ..] = self.prefix;
                self.left = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
                self.known = 0;
                self.has_ended |= self.left == 0;
                largest = largest.max(Some(self.needed(flag)));
            }
        }
        largest
    }

    /// Returns the bytes for the message that starts now. Room for a small compressed message is reserved when its size
    /// is known.
    fn needed(&self, flag: u8) -> usize {
        match self.inflated {
            Some(limit) if flag == COMPRESSED_FLAG && self.left > ORDINARY_MESSAGE_BYTES => {
                self.left.saturating_add(limit.min(self.left.saturating_mul(MAX_RATIO)))
            }
            _ => self.left,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_is_followed_for_any_split_of_data() {
        let messages = [&[0, 0, 0, 0, 3, 1, 2, 3][..], &[0, 0, 0, 0, 0], &[1, 0, 0, 1, 0]].concat();
        let message = [messages, vec![7; 256]].concat();
        for size in 1..=message.len() {
            let mut framing = Framing::default();
            let lengths: Vec<_> = message.chunks(size).filter_map(|data| framing.follow(data)).collect();
            assert_eq!(lengths.iter().max(), Some(&256), "{size}");
            assert_eq!((framing.left, framing.known, framing.has_ended), (0, 0, true), "{size}");
        }
    }

    #[test]
    fn compressed_message_needs_room_for_both_forms() {
        let needed = |flag, length: u32, inflated| {
            let prefix = [&[flag][..], &length.to_be_bytes()].concat();
            Framing::new(inflated).follow(&prefix)
        };
        assert_eq!(needed(0, 5_000, Some(1_000_000)), Some(5_000));
        assert_eq!(needed(1, 5_000, None), Some(5_000));
        assert_eq!(needed(1, 5_000, Some(1_000_000)), Some(1_005_000));
        assert_eq!(needed(1, 5_000, Some(usize::MAX)), Some(5_000 + 5_000 * 1032));
        assert_eq!(needed(1, 4_096, Some(1_000_000)), Some(4_096), "a short frame soon shows its real size");
        assert_eq!(needed(1, u32::MAX, Some(usize::MAX)).map(|bytes| bytes > 1 << 32), Some(true));
    }
}
