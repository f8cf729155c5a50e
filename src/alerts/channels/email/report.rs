//! The report of a week as a mail.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::escaped;
use crate::alerts::channels::words::{self, Unit, amount, on_one_line};
use crate::domain::alert::{Figure, FigureUnit, ReportedAlert, WeeklyReport};

/// What is shown for a figure that there is none of.
const NO_DATA: &str = "–";

/// One line: which project, which week.
pub(super) fn subject(report: &WeeklyReport) -> String {
    on_one_line(&format!("{}: report of {}", report.project_name, days(report)))
}

/// As text, with columns.
pub(super) fn plain(report: &WeeklyReport, url: Option<&str>) -> String {
    let mut text = format!("{}\n\n", subject(report));
    for section in &report.sections {
        text.push_str(&format!("{}\n", section.title));
        for figure in &section.figures {
            let [value, change] = cells(figure);
            text.push_str(&format!("  {:<34}{value:>14}  {change}\n", figure.name));
        }
        text.push('\n');
    }
    for alert in &report.alerts {
        text.push_str(&format!("  {}\n", line(alert, report)));
    }
    if let Some(more) = more(report) {
        text.push_str(&format!("  {more}\n"));
    }
    if let Some(url) = url {
        text.push_str(&format!("\nDashboard: {url}\n"));
    }
    text.push_str(&format!("\n{}\n", why(report)));
    text
}

/// As HTML.
pub(super) fn html(report: &WeeklyReport, url: Option<&str>) -> String {
    let mut text = format!(
        "<!doctype html><html><body style=\"font-family:sans-serif\"><h2>{}</h2>",
        escaped(&subject(report))
    );
    for section in &report.sections {
        text.push_str(&format!(
            "<h3>{}</h3><table cellpadding=\"4\" style=\"border-collapse:collapse\">",
            escaped(&section.title)
        ));
        for figure in &section.figures {
            let [value, change] = cells(figure);
            text.push_str(&format!(
                "<tr><td>{}</td><td align=\"right\"><b>{value}</b></td><td style=\"color:#555\">{change}</td></tr>",
                escaped(&figure.name)
            ));
        }
        text.push_str("</table>");
    }
    if !report.alerts.is_empty() {
        text.push_str("<ul>");
        for alert in &report.alerts {
            text.push_str(&format!("<li>{}</li>", escaped(&line(alert, report))));
        }
        text.push_str("</ul>");
    }
    if let Some(more) = more(report) {
        text.push_str(&format!("<p>{more}</p>"));
    }
    if let Some(url) = url {
        text.push_str(&format!("<p><a href=\"{}\">Dashboard</a></p>", escaped(url)));
    }
    text.push_str(&format!(
        "<p style=\"color:#555\">{}</p></body></html>",
        escaped(&why(report))
    ));
    text
}

/// First and last day, as `2026-11-16 to 2026-11-22`.
fn days(report: &WeeklyReport) -> String {
    let day = |ms| at(report, ms, "%Y-%m-%d");
    format!("{} to {}", day(report.from_ms), day(report.to_ms - 1))
}

fn at(report: &WeeklyReport, ms: i64, format: &str) -> String {
    let zone = TimeZone::get(&report.timezone).unwrap_or(TimeZone::UTC);
    let time = Timestamp::from_millisecond(ms).unwrap_or_default();
    time.to_zoned(zone).strftime(format).to_string()
}

/// The figure, and how it was the week before.
fn cells(figure: &Figure) -> [String; 2] {
    let unit = match figure.unit {
        FigureUnit::Number => Unit::None,
        FigureUnit::Ms => Unit::Ms,
        FigureUnit::Share => Unit::Share,
    };
    let show = |value: Option<f64>| value.map_or_else(|| NO_DATA.to_owned(), |value| amount(value, unit));
    let before = format!("before: {}", show(figure.previous));
    let change = match (figure.value, figure.previous) {
        (Some(value), Some(previous)) if previous > 0.0 => {
            let percents = (value / previous - 1.0) * 100.0;
            format!("{percents:+.0} %, {before}")
        }
        _ => before,
    };
    [show(figure.value), change]
}

fn line(alert: &ReportedAlert, report: &WeeklyReport) -> String {
    let lasted = match alert.lasted_ms {
        Some(ms) => format!("lasted {}", words::duration(ms)),
        None => "not over yet".to_owned(),
    };
    let began = at(report, alert.started_at_ms, "%a %H:%M");
    on_one_line(&format!(
        "{}: {} ({began}, {lasted})",
        words::level(alert.level),
        alert.title
    ))
}

fn more(report: &WeeklyReport) -> Option<String> {
    let shown = u64::try_from(report.alerts.len()).unwrap_or(u64::MAX);
    let more = report.alerts_total.saturating_sub(shown);
    (more > 0).then(|| format!("and {more} more alerts"))
}

fn why(report: &WeeklyReport) -> String {
    format!(
        "Days and times are those of {}. You get this each week as an e-mail channel of the project; its settings turn it off.",
        report.timezone
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::ReportSection;
    use crate::domain::rule::Level;

    fn report() -> WeeklyReport {
        let figure = |name: &str, unit, value, previous| Figure {
            name: name.to_owned(),
            unit,
            value,
            previous,
        };
        WeeklyReport {
            project_name: "Shop <1>".to_owned(),
            timezone: "Europe/Berlin".to_owned(),
            from_ms: 1_792_360_800_000,
            to_ms: 1_792_969_200_000,
            sections: vec![ReportSection {
                title: "Visits".to_owned(),
                figures: vec![
                    figure("Sessions", FigureUnit::Number, Some(1_250.0), Some(1_000.0)),
                    figure("Conversion rate", FigureUnit::Share, Some(0.125), Some(0.0)),
                    figure("LCP", FigureUnit::Ms, None, Some(2_400.0)),
                ],
            }],
            alerts: vec![ReportedAlert {
                title: "Slow\r\nresponse".to_owned(),
                level: Level::Critical,
                started_at_ms: 1_792_400_000_000,
                lasted_ms: Some(5_400_000),
            }],
            alerts_total: 3,
        }
    }

    #[test]
    fn a_report_names_the_days_of_the_projects_zone_and_no_data_is_a_dash() {
        insta::assert_snapshot!(plain(&report(), Some("https://fresnel.example/?project=shop")));
    }

    #[test]
    fn names_are_no_html() {
        let html = html(&report(), None);
        assert!(
            html.contains("Shop &lt;1&gt;: report of 2026-10-19 to 2026-10-25"),
            "{html}"
        );
        assert!(!html.contains("Shop <1>"));
    }
}
