//! The numbers of a trained network, read from its ONNX file.
//!
//! Only the initializers are read (`ModelProto.graph` = 7, `GraphProto.initializer` = 5, `TensorProto.dims` = 1,
//! `name` = 8, `raw_data` = 9 in onnx.proto): the shape of the network is written out in `silero.rs`.

use std::collections::HashMap;

/// A named array of a network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    /// Its shape, outermost first.
    pub dims: Vec<usize>,
    /// Its values, row by row.
    pub values: Vec<f32>,
}

/// Every initializer of the ONNX model in `bytes` by its name; `None` when `bytes` are not such a model.
pub(super) fn read(bytes: &[u8]) -> Option<HashMap<String, Tensor>> {
    let mut tensors = HashMap::new();
    for graph in messages(bytes, 7)? {
        for initializer in messages(graph, 5)? {
            let (name, tensor) = tensor(initializer)?;
            tensors.insert(name, tensor);
        }
    }
    Some(tensors)
}

/// The tensor in a `TensorProto`, with its name.
fn tensor(mut message: &[u8]) -> Option<(String, Tensor)> {
    let mut tensor = Tensor { dims: Vec::new(), values: Vec::new() };
    let mut name = String::new();
    while !message.is_empty() {
        match field(&mut message)? {
            (1, Value::Number(dim)) => tensor.dims.push(usize::try_from(dim).ok()?),
            (1, Value::Bytes(mut packed)) => {
                while !packed.is_empty() {
                    tensor.dims.push(usize::try_from(varint(&mut packed)?).ok()?);
                }
            }
            (8, Value::Bytes(text)) => name = String::from_utf8(text.to_vec()).ok()?,
            (9, Value::Bytes(raw)) => {
                tensor.values = raw.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            }
            _ => {}
        }
    }
    Some((name, tensor))
}

/// The messages under `wanted` in a message, in order.
fn messages(mut message: &[u8], wanted: u64) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        if let (number, Value::Bytes(bytes)) = field(&mut message)?
            && number == wanted
        {
            found.push(bytes);
        }
    }
    Some(found)
}

/// A protobuf field's content; fixed-width numbers are skipped over, nothing here needs them.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Skipped,
}

/// Takes one field, its number and content, off the front of `message`.
fn field<'a>(message: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let tag = varint(message)?;
    let value = match tag & 7 {
        0 => Value::Number(varint(message)?),
        1 => message.split_off(..8).map(|_| Value::Skipped)?,
        2 => {
            let length = usize::try_from(varint(message)?).ok()?;
            Value::Bytes(message.split_off(..length)?)
        }
        5 => message.split_off(..4).map(|_| Value::Skipped)?,
        _ => return None,
    };
    Some((tag >> 3, value))
}

/// Takes a base-128 number off the front of `message`.
fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *message.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initializers_are_read_and_anything_else_is_refused() {
        // TensorProto{dims: [2], name: "w", raw_data: 1.0 2.0} in a graph in a model, after a field that is skipped.
        let tensor = [&[0x08, 2, 0x42, 1, b'w', 0x4a, 8][..], &1_f32.to_le_bytes(), &2_f32.to_le_bytes()].concat();
        let graph = [&[0x2a, u8::try_from(tensor.len()).unwrap()][..], &tensor].concat();
        let model = [&[0x08, 8, 0x3a, u8::try_from(graph.len()).unwrap()][..], &graph].concat();
        let read_back = read(&model).unwrap();
        assert_eq!(read_back["w"], Tensor { dims: vec![2], values: vec![1.0, 2.0] });
        assert_eq!(read(&model[..model.len() - 1]), None, "cut off");
        assert_eq!(read(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None, "no number ends");
    }
}
