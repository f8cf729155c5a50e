//! A share, and how sure it is.

use serde::Serialize;

/// 97.5 % of a normal distribution lie below this many standard deviations.
const Z: f64 = 1.959_963_984_540_054;

/// A share with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShareInterval {
    /// How many.
    pub count: u64,
    /// Their share, 0 to 1.
    pub share: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl ShareInterval {
    /// `count` of `whole`; none of nothing.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share of more than 2^53 sessions")]
    pub fn of(count: u64, whole: u64) -> Option<Self> {
        if whole == 0 {
            return None;
        }
        let n = whole as f64;
        let share = count.min(whole) as f64 / n;
        let squared = Z * Z;
        let middle = (share + squared / (2.0 * n)) / (1.0 + squared / n);
        let half = Z * (share * (1.0 - share) / n + squared / (4.0 * n * n)).sqrt() / (1.0 + squared / n);
        Some(Self {
            count,
            share,
            // At the ends the interval ends in the share itself, but for the last digit.
            low: (middle - half).clamp(0.0, share),
            high: (middle + half).clamp(share, 1.0),
        })
    }

    /// True when the intervals have nothing in common.
    pub(super) fn differs_from(self, other: Self) -> bool {
        self.low > other.high || other.low > self.high
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_the_interval_that_tables_give() {
        // Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I.
        for (count, whole, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let found = ShareInterval::of(count, whole).unwrap();
            assert!((found.low - low).abs() < 5e-5, "{count}/{whole}: {found:?}");
            assert!((found.high - high).abs() < 5e-5, "{count}/{whole}: {found:?}");
        }
        assert_eq!(ShareInterval::of(0, 0), None);
    }

    proptest! {
        #[test]
        fn the_share_lies_in_it_and_more_data_make_it_narrower(count in 0_u64..1_000, more in 0_u64..1_000) {
            let whole = (count + more).max(1);
            let few = ShareInterval::of(count, whole).unwrap();
            let many = ShareInterval::of(count * 10, whole * 10).unwrap();
            prop_assert!(0.0 <= few.low && few.low <= few.share && few.share <= few.high && few.high <= 1.0);
            prop_assert!(many.high - many.low < few.high - few.low);
            prop_assert!(!few.differs_from(many));
        }
    }
}
