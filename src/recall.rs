//! What outlives the process and a segment of the log: the counts of quotas.

/// One subject's admitted items of one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaCount {
    /// Subject; 0: none.
    pub subject: u64,
    /// Network; 0: none.
    pub network: u64,
    /// Class.
    pub class: u8,
    /// Minute since 1970.
    pub minute: u32,
    /// Items.
    pub count: u32,
}
