//! What quotas must know again after a restart.

/// Items of one subject that were admitted in one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaCount {
    /// Keyed hash of the subject; 0: counted for its network only.
    pub subject: u64,
    /// Keyed hash of its network; 0: none.
    pub network: u64,
    /// Number of the class of items.
    pub class: u8,
    /// Minute since 1970.
    pub minute: u32,
    /// Items.
    pub count: u32,
}
