//! The board against what people would expect.
