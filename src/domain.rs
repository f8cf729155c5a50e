//! The words of Fresnel, without I/O and without async.

pub mod account;
pub mod alert;
pub mod beacon;
pub mod connection;
pub mod dashboard;
pub mod enrichment;
pub mod field_error;
pub mod integration;
pub mod json;
pub mod ledger;
pub mod page;
pub mod quota_count;
pub mod row_binary;
pub mod row_head;
pub mod rule;
pub mod table;
