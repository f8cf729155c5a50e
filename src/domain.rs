//! The words of Fresnel, without I/O and without async.

pub mod connection;
pub mod field_error;
pub mod table;
