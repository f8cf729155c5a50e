//! What rules tell rows apart by, as columns of each table.

use super::super::dimension::{Dimension as SliceDimension, Slices};
use super::super::raw_filters::Property;
use crate::domain::rule::Dimension;
use crate::domain::table::Table;
use crate::warehouse::Statement;

/// Something that rows have a value of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Field {
    /// Type of metric, type of event, step, or severity.
    Kind,
    /// Name of the web vital.
    Vital,
    /// A dimension.
    Of(Dimension),
}

impl Field {
    /// Its name within statements.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Vital => "vital",
            Self::Of(dimension) => dimension.as_str(),
        }
    }

    /// Its value in a raw row. What a row does not have is the empty text.
    pub(super) fn of_row(self, table: Table) -> String {
        let own = match table {
            Table::PerformanceMetrics | Table::VendorCalls | Table::Recall | Table::Ledger => "type",
            Table::FunnelSteps => "step",
            Table::UserEvents => "event_type",
            Table::ClientAlerts => "severity",
        };
        match self {
            Self::Kind => own.to_owned(),
            Self::Vital => "name".to_owned(),
            Self::Of(_) => self
                .property(table)
                .map_or_else(|| "''".to_owned(), |property| property.expression(self.name())),
        }
    }

    /// Its value in a row of the slices.
    pub(super) fn of_slice(self) -> &'static str {
        match self {
            Self::Kind => "type",
            Self::Vital => "name",
            Self::Of(Dimension::Environment) => "environment",
            Self::Of(_) => "member",
        }
    }

    /// Binds what [`of_row`](Self::of_row) needs: names of keys are values too.
    pub(super) fn bind(self, statement: Statement, table: Table) -> Statement {
        match self.property(table) {
            Some(property) => property.bind(statement, self.name()),
            None => statement,
        }
    }

    fn property(self, table: Table) -> Option<Property> {
        match self {
            Self::Kind | Self::Vital => None,
            Self::Of(dimension) => Property::of(table, dimension.as_str()),
        }
    }
}

/// The slices that have these fields; `None` when only raw rows do.
pub(super) fn slices_with(fields: &[Field]) -> Option<Slices> {
    let dimensions: Option<Vec<SliceDimension>> = fields
        .iter()
        .filter_map(|field| match field {
            Field::Kind => None,
            Field::Vital => Some(Some(SliceDimension::Name)),
            Field::Of(dimension) => {
                let mut known = SliceDimension::GROUPS.into_iter();
                Some(known.find(|known| known.name() == dimension.as_str()))
            }
        })
        .collect();
    // A rule that asks for the name of a vital asks for vitals only.
    Slices::having(dimensions?, true)
}
