//! Any container, streaming, channel by channel, to 16 kHz mono.
