//! The value of the header `traceparent` (W3C Trace Context, level 1).

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use http::{HeaderMap, HeaderName, HeaderValue};

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Length of a value of version 00. Later versions may append a dash and more.
const LENGTH: usize = 55;

/// The flag of a span that its service records.
const SAMPLED: u8 = 1;

/// The id of a trace: 16 bytes, not all zero. It is shown in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// The id of a span: 8 bytes, not all zero. It is shown in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

/// A span as its children see it: its trace, its own id, and if it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace: TraceId,
    span: SpanId,
    is_sampled: bool,
}

impl TraceId {
    /// Draws an id. It is unique, but unfit for secrets.
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&draw());
        bytes[8..].copy_from_slice(&draw());
        Self(bytes)
    }

    /// Returns the bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl SpanId {
    /// Draws an id. It is unique, but unfit for secrets.
    pub fn random() -> Self {
        Self(draw())
    }

    /// Returns the bytes.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0
    }
}

/// Draws eight bytes, not all zero. Each `RandomState` has its own keys, the first of a thread from the system.
fn draw() -> [u8; 8] {
    RandomState::new().hash_one(()).max(1).to_be_bytes()
}

impl TraceParent {
    /// Creates the first span of a new trace, which is recorded.
    pub fn root() -> Self {
        Self { trace: TraceId::random(), span: SpanId::random(), is_sampled: true }
    }

    /// Creates a child of this span. It is recorded if this span is.
    #[must_use]
    pub fn child(self) -> Self {
        Self { span: SpanId::random(), ..self }
    }

    /// Reads the header. Returns `None` if it is absent, malformed or repeated: the call then begins a trace.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(&TRACEPARENT).iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        Self::parse(value.to_str().ok()?)
    }

    /// Parses a value such as `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`. Returns `None` if it is
    /// malformed.
    pub fn parse(text: &str) -> Option<Self> {
        let (known, rest) = text.as_bytes().split_at_checked(LENGTH)?;
        let [version] = digits(&known[..2])?;
        let is_extended = version > 0 && rest.first() == Some(&b'-');
        let has_dashes = [2, 35, 52].iter().all(|place| known[*place] == b'-');
        if version == u8::MAX || !has_dashes || !(rest.is_empty() || is_extended) {
            return None;
        }
        let (trace, span, [flags]) = (digits(&known[3..35])?, digits(&known[36..52])?, digits(&known[53..])?);
        if trace == [0; 16] || span == [0; 8] {
            return None;
        }
        Some(Self { trace: TraceId(trace), span: SpanId(span), is_sampled: flags & SAMPLED != 0 })
    }

    /// Replaces the header of a request.
    pub fn insert_into(self, headers: &mut HeaderMap) {
        // The value is ASCII.
        if let Ok(value) = HeaderValue::from_str(&self.to_string()) {
            headers.insert(&TRACEPARENT, value);
        }
    }

    /// Returns the id of the trace.
    pub fn trace(self) -> TraceId {
        self.trace
    }

    /// Returns the id of the span.
    pub fn span(self) -> SpanId {
        self.span
    }

    /// Returns true if the span is recorded, so that its children should be, too.
    pub fn is_sampled(self) -> bool {
        self.is_sampled
    }
}

/// Reads lower-case hexadecimal digits, two for each byte.
fn digits<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Writes a value of version 00.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.is_sampled))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn value_is_read_and_written() {
        for (flags, is_sampled, written) in [("01", true, "01"), ("00", false, "00"), ("ff", true, "01")] {
            let parent = TraceParent::parse(&format!("00-{TRACE}-{SPAN}-{flags}")).unwrap();
            assert_eq!((parent.trace().to_string(), parent.span().to_string()), (TRACE.into(), SPAN.into()));
            assert_eq!(parent.is_sampled(), is_sampled);
            assert_eq!(parent.to_string(), format!("00-{TRACE}-{SPAN}-{written}"));
        }
        let later = TraceParent::parse(&format!("cc-{TRACE}-{SPAN}-01-and-more")).unwrap();
        assert_eq!(later.to_string(), format!("00-{TRACE}-{SPAN}-01"), "a later version is read as far as it is known");
    }

    #[test]
    fn malformed_values_are_ignored() {
        let zero = "0".repeat(32);
        for text in [
            "",
            "00",
            &format!("00-{TRACE}-{SPAN}-01-more"),
            &format!("00-{TRACE}-{SPAN}-01x"),
            &format!("cc-{TRACE}-{SPAN}-01x"),
            &format!("ff-{TRACE}-{SPAN}-01"),
            &format!("00-{TRACE}-{SPAN}-0"),
            &format!("00-{zero}-{SPAN}-01"),
            &format!("00-{TRACE}-{}-01", "0".repeat(16)),
            &format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            &format!("00-{}é-{SPAN}-01", &TRACE[2..]),
            &format!("00_{TRACE}_{SPAN}_01"),
            &format!("0x-{TRACE}-{SPAN}-01"),
        ] {
            assert_eq!(TraceParent::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn repeated_header_begins_a_trace() {
        let mut headers = HeaderMap::new();
        assert_eq!(TraceParent::from_headers(&headers), None);
        let root = TraceParent::root();
        root.insert_into(&mut headers);
        assert_eq!(TraceParent::from_headers(&headers), Some(root));
        headers.append("traceparent", root.child().to_string().parse().unwrap());
        assert_eq!(TraceParent::from_headers(&headers), None);
    }

    #[test]
    fn child_keeps_the_trace_and_has_its_own_id() {
        let root = TraceParent::root();
        let child = root.child();
        assert_eq!((child.trace(), child.is_sampled()), (root.trace(), true));
        assert_ne!(child.span(), root.span());
        assert_ne!(TraceParent::root().trace(), root.trace());
    }
}
