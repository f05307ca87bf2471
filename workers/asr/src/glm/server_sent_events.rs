//! Server-sent events out of bytes that come in pieces of any length.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>

/// One event of a stream, complete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Event {
    /// Empty where the stream names none.
    pub(super) name: String,
    /// Its data lines, joined by line feeds.
    pub(super) data: String,
}

/// Takes bytes, gives events. An event is one only when the blank line behind it has come.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The line that has not ended yet, in bytes: a character may be cut in two.
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    /// A line feed that comes next belongs to the carriage return before it.
    is_after_return: bool,
    is_past_first_line: bool,
}

impl Events {
    /// The events that `bytes` bring to their end.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in bytes {
            let is_second_half = std::mem::replace(&mut self.is_after_return, byte == b'\r') && byte == b'\n';
            match byte {
                _ if is_second_half => {}
                b'\r' | b'\n' => events.extend(self.end_line()),
                _ => self.line.push(byte),
            }
        }
        events
    }

    fn end_line(&mut self) -> Option<Event> {
        let bytes = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&bytes);
        let line = if self.is_past_first_line { &line } else { line.strip_prefix('\u{feff}').unwrap_or(&line) };
        self.is_past_first_line = true;
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => self.event.name = value.to_owned(),
            // Comments, ids and times to reconnect after are of no use here.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_the_same_in_whatever_pieces_their_bytes_come() {
        let cases: [(&str, &[(&str, &str)]); 9] = [
            ("data: 早上好\n\ndata: {}\n\n", &[("", "早上好"), ("", "{}")]),
            ("data: a\r\n\r\ndata: b\r\n\r\n", &[("", "a"), ("", "b")]),
            ("data: a\r\rdata: b\r\r", &[("", "a"), ("", "b")]),
            ("data:a\n\ndata:  b\n\n", &[("", "a"), ("", " b")]),
            (": ping\n\nevent: done\nid: 7\nretry: 1\ndata: x\n\nevent: unused\n\n", &[("done", "x")]),
            ("data: one\ndata: two\n\n", &[("", "one\ntwo")]),
            ("data\n\ndata: x", &[("", "")]),
            ("data: not ended\n", &[]),
            ("\u{feff}data: x\n\n", &[("", "x")]),
        ];
        for (stream, expected) in cases {
            let expected: Vec<Event> =
                expected.iter().map(|(name, data)| Event { name: (*name).into(), data: (*data).into() }).collect();
            for piece_bytes in [1, 2, 3, 7, 4096] {
                let mut events = Events::default();
                let seen: Vec<Event> =
                    stream.as_bytes().chunks(piece_bytes).flat_map(|piece| events.push(piece)).collect();
                assert_eq!(seen, expected, "{stream:?} in pieces of {piece_bytes}");
            }
        }
    }
}
