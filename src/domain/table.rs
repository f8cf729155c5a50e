//! The raw tables and their columns, in the order in which the log holds a row's values.
//!
//! Three rooms rely on this list: `ingest/encode` writes rows in this order, `wal` puts the names in each
//! segment's header, and `warehouse` inserts with an explicit column list. A test compares it with the
//! live schema.
//!
//! Numbers from [`FIRST_LOCAL_ID`] on are *local* tables: the log carries their rows beside the others, in the same
//! commits, but they are notes to ourselves. They go to no warehouse, and count in no number of rows.

/// The first number on disk of a local table.
pub const FIRST_LOCAL_ID: u8 = 128;

/// A column of a raw table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in ClickHouse.
    pub name: &'static str,
    /// Type in ClickHouse. `LowCardinality(T)` and `JSON` stand in RowBinary as `T` and `String`.
    pub clickhouse_type: &'static str,
}

/// A raw table, or a local one. The number is the one on disk and never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Table {
    /// One row a measurement.
    PerformanceMetrics = 1,
    /// One row a step of a funnel.
    FunnelSteps = 2,
    /// One row an event of a user.
    UserEvents = 3,
    /// One row an alert that a client raised.
    ClientAlerts = 4,
    /// One row a contact with a vendor: a call that was carried, a probe, a poll, a webhook.
    VendorCalls = 5,
    /// Local. One row a note of what must be known after a restart: see `recall`.
    Recall = FIRST_LOCAL_ID,
    /// Local. One row a note of items that are not stored: see `ledger`.
    Ledger = FIRST_LOCAL_ID + 1,
}

const fn column(name: &'static str, clickhouse_type: &'static str) -> Column {
    Column {
        name,
        clickhouse_type,
    }
}

/// Columns that every table of beacons begins with. `event_id` stands first in each row of each table: a row's
/// identity can be read without knowing the rest.
/// Behind its own come those that the server adds, where the browser's family may need another name, and then what
/// later versions have put at the end.
macro_rules! columns {
    ($($name:literal : $type:literal),* $(,)?) => { columns!($($name: $type),*; "browser"; ) };
    ($($name:literal : $type:literal),*; $browser:literal; $($last:literal : $last_type:literal),*) => {
        const { &[
            column("event_id", "UUID"),
            column("project_id", "LowCardinality(String)"),
            column("ts", "DateTime64(3, 'UTC')"),
            column("received_at", "DateTime64(3, 'UTC')"),
            column("client_ts", "Nullable(DateTime64(3, 'UTC'))"),
            column("session_id", "String"),
            column("user_id", "String"),
            column("flags", "UInt16"),
            $(column($name, $type),)*
            column($browser, "LowCardinality(String)"),
            column("os", "LowCardinality(String)"),
            column("device", "LowCardinality(String)"),
            column("country", "LowCardinality(String)"),
            column("visitor_id", "UInt64"),
            $(column($last, $last_type),)*
        ] }
    };
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 7] = [
        Self::PerformanceMetrics,
        Self::FunnelSteps,
        Self::UserEvents,
        Self::ClientAlerts,
        Self::VendorCalls,
        Self::Recall,
        Self::Ledger,
    ];

    /// True for a table of the log's own, which ClickHouse does not have.
    #[must_use]
    pub const fn is_local(self) -> bool {
        self.id() >= FIRST_LOCAL_ID
    }

    /// Name in ClickHouse.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PerformanceMetrics => "performance_metrics",
            Self::FunnelSteps => "funnel_steps",
            Self::UserEvents => "user_events",
            Self::ClientAlerts => "client_alerts",
            Self::VendorCalls => "vendor_calls",
            Self::Recall => "recall",
            Self::Ledger => "ledger",
        }
    }

    /// The number on disk.
    #[must_use]
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The table with this number on disk.
    #[must_use]
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.id() == id)
    }

    /// The table with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Columns in the order of a row's values.
    #[must_use]
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::PerformanceMetrics => columns![
                "type": "LowCardinality(String)",
                "name": "LowCardinality(String)",
                "value": "Float64",
                "page": "LowCardinality(String)",
                "api_endpoint": "LowCardinality(String)",
                "method": "LowCardinality(String)",
                "status": "UInt16",
                "region": "LowCardinality(String)",
                "effect_id": "LowCardinality(String)",
                "error_context": "String",
                "release": "LowCardinality(String)",
                "environment": "LowCardinality(String)",
                "rating": "LowCardinality(String)",
                "navigation_type": "LowCardinality(String)",
                "metadata": "JSON(max_dynamic_paths=8)";
                "browser";
                "sample_weight": "UInt32"
            ],
            Self::FunnelSteps => columns![
                "step": "LowCardinality(String)",
                "effect_id": "LowCardinality(String)",
                "metadata": "JSON(max_dynamic_paths=8)",
            ],
            Self::UserEvents => columns![
                "event_type": "LowCardinality(String)",
                "event_data": "JSON(max_dynamic_paths=8)",
            ],
            Self::ClientAlerts => columns![
                "severity": "LowCardinality(String)",
                "metric": "LowCardinality(String)",
                "threshold": "Float64",
                "actual_value": "Float64",
                "browser": "LowCardinality(String)",
                "device_type": "LowCardinality(String)",
                "user_context": "JSON(max_dynamic_paths=8)";
                // `browser` is the client's own word.
                "browser_family";
            ],
            // Nobody posts these: they have no client.
            Self::VendorCalls => {
                const {
                    &[
                        column("event_id", "UUID"),
                        column("project_id", "LowCardinality(String)"),
                        column("ts", "DateTime64(3, 'UTC')"),
                        column("integration", "LowCardinality(String)"),
                        column("service", "LowCardinality(String)"),
                        column("side", "LowCardinality(String)"),
                        column("operation", "LowCardinality(String)"),
                        column("outcome", "LowCardinality(String)"),
                        column("origin", "LowCardinality(String)"),
                        column("status", "UInt16"),
                        column("took_ms", "Float64"),
                        column("tries", "UInt16"),
                        column("session_id", "String"),
                        column("page", "LowCardinality(String)"),
                    ]
                }
            }
            Self::Recall | Self::Ledger => const { &[column("note", "String")] },
        }
    }
}
