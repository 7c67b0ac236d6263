//! The families of `record` as OpenMetrics text, through the Prometheus project's own encoder.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use record::{Family, FamilyKind, Sample, Value};
use std::fmt;

/// Families as OpenMetrics text, UTF-8, ended by `# EOF`.
pub(crate) fn render(families: Vec<Family>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for family in &self.0 {
            let encoder = encoder.encode_descriptor(family.name, family.help, None, kind(family.kind))?;
            FamilyMetric(family).encode(encoder)?;
        }
        Ok(())
    }
}

const fn kind(kind: FamilyKind) -> MetricType {
    match kind {
        FamilyKind::Counter => MetricType::Counter,
        FamilyKind::Gauge => MetricType::Gauge,
        FamilyKind::Histogram => MetricType::Histogram,
    }
}

#[derive(Debug)]
struct FamilyMetric<'a>(&'a Family);

impl EncodeMetric for FamilyMetric<'_> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        self.0.samples.iter().try_for_each(|sample| {
            if sample.labels.is_empty() {
                encode_value(&sample.value, &mut encoder)
            } else {
                encode_value(&sample.value, &mut encoder.encode_family(&labels(sample))?)
            }
        })
    }

    fn metric_type(&self) -> MetricType {
        kind(self.0.kind)
    }
}

fn labels(sample: &Sample) -> Vec<(&'static str, String)> {
    sample.labels.clone()
}

fn encode_value(value: &Value, encoder: &mut MetricEncoder<'_>) -> Result<(), fmt::Error> {
    match value {
        Value::Count(count) => encoder.encode_counter::<NoLabelSet, u64, u64>(count, None),
        #[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
        Value::Parts { count, places } => {
            let amount = *count as f64 / 10_f64.powi(i32::from(*places));
            encoder.encode_counter::<NoLabelSet, f64, u64>(&amount, None)
        }
        Value::Level(level) => encoder.encode_gauge(level),
        Value::Buckets { buckets, above, sum } => {
            let mut all = buckets.clone();
            all.push((f64::INFINITY, *above));
            let count = all.iter().map(|(_, count)| count).sum();
            encoder.encode_histogram::<NoLabelSet>(*sum, count, &all, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_written_as_prometheus_reads_it() {
        let family = |name, kind, value| Family {
            name,
            help: "What it means.",
            kind,
            samples: vec![Sample { labels: vec![("alias", "a\"b".to_owned())], value }],
        };
        let text = render(vec![
            family("headgate_calls", FamilyKind::Counter, Value::Count(3)),
            family("headgate_level", FamilyKind::Gauge, Value::Level(2.0)),
            family(
                "headgate_seconds",
                FamilyKind::Histogram,
                Value::Buckets { buckets: vec![(0.1, 1), (1.0, 2)], above: 4, sum: 9.5 },
            ),
        ])
        .expect("writable");
        for line in [
            "# HELP headgate_calls What it means.",
            "# TYPE headgate_calls counter",
            "headgate_calls_total{alias=\"a\\\"b\"} 3",
            "headgate_level{alias=\"a\\\"b\"} 2.0",
            "headgate_seconds_bucket{le=\"0.1\",alias=\"a\\\"b\"} 1",
            "headgate_seconds_bucket{le=\"1.0\",alias=\"a\\\"b\"} 3",
            "headgate_seconds_bucket{le=\"+Inf\",alias=\"a\\\"b\"} 7",
            "headgate_seconds_count{alias=\"a\\\"b\"} 7",
            "headgate_seconds_sum{alias=\"a\\\"b\"} 9.5",
        ] {
            assert!(text.lines().any(|candidate| candidate == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
