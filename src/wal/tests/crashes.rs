//! Stops and faults at every operation, and at random ones.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;

use super::harness::run;
use super::model::{Step, live_and_check};
use super::sim::{Fault, Loss, SimDisk, Stop};
use crate::domain::table::Table;

const STOPS: [Stop; 5] = [
    Stop::Process,
    Stop::Power(Loss::All),
    Stop::Power(Loss::None),
    Stop::Power(Loss::Some),
    Stop::Power(Loss::Spoilt),
];

fn append(lane: usize, table: Table, row_bytes: &[usize]) -> Step {
    Step::Append {
        lane,
        table,
        row_bytes: row_bytes.to_vec(),
        priority: false,
        waits: true,
    }
}

/// Several frames and segments, some released.
fn ordinary_life() -> Vec<Step> {
    let mut steps = Vec::new();
    for round in 0..5 {
        steps.push(append(round, Table::UserEvents, &[10, 3_000]));
        steps.push(append(round + 1, Table::FunnelSteps, &[20]));
        steps.push(append(round, Table::UserEvents, &[9_000, 5]));
        // One that is not released keeps the checkpoint from moving on.
        steps.push(Step::Flush { releases: round != 3 });
        steps.push(append(round, Table::ClientAlerts, &[1]));
    }
    steps
}

#[test]
fn a_stop_at_any_operation_loses_nothing_acknowledged_and_invents_nothing() {
    run(async {
        let disk = SimDisk::new(0);
        let (service, _) = live_and_check(&disk, &[(ordinary_life(), Stop::Process)]).await;
        assert_eq!(service.acknowledged(), 20, "without faults all is acknowledged");
        let operations = disk.operations();
        assert!(
            operations > 60,
            "the life is long enough to be interesting: {operations}"
        );
        for operation in 0..operations {
            for stop in STOPS {
                let disk = SimDisk::new(operation);
                disk.fault_at(operation, Fault::Halt);
                let (service, disk) = live_and_check(&disk, &[(ordinary_life(), stop)]).await;
                service.check_no_damage_was_seen(&disk);
            }
        }
    });
}

#[test]
fn what_a_dead_process_left_unsynced_is_not_built_upon() {
    run(async {
        let disk = SimDisk::new(0);
        live_and_check(&disk, &[(ordinary_life(), Stop::Process)]).await;
        // The second process sees what the kernel still has of the first; then the power goes.
        let later_life = |releases| {
            vec![
                append(0, Table::UserEvents, &[7]),
                Step::Flush { releases },
                append(1, Table::UserEvents, &[8, 9]),
                append(0, Table::FunnelSteps, &[20_000]),
                append(0, Table::FunnelSteps, &[20_000]),
            ]
        };
        for operation in 0..disk.operations() {
            for (loss, releases) in [(Loss::All, false), (Loss::All, true), (Loss::Spoilt, false)] {
                let disk = SimDisk::new(operation);
                disk.fault_at(operation, Fault::Halt);
                let lives = [
                    (ordinary_life(), Stop::Process),
                    (later_life(releases), Stop::Power(loss)),
                ];
                let (service, disk) = live_and_check(&disk, &lives).await;
                service.check_no_damage_was_seen(&disk);
            }
        }
    });
}

#[test]
fn a_fault_at_any_operation_loses_nothing_acknowledged_and_invents_nothing() {
    run(async {
        let disk = SimDisk::new(0);
        live_and_check(&disk, &[(ordinary_life(), Stop::Process)]).await;
        for operation in 0..disk.operations() {
            for fault in [Fault::Error, Fault::Short, Fault::Lie] {
                for stop in [Stop::Process, Stop::Power(Loss::All), Stop::Power(Loss::Some)] {
                    let disk = SimDisk::new(operation);
                    disk.fault_at(operation, fault);
                    let (service, disk) = live_and_check(&disk, &[(ordinary_life(), stop)]).await;
                    service.check_no_damage_was_seen(&disk);
                }
            }
        }
    });
}

fn any_step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![6 => 0..40_usize, 2 => 0..5_000_usize, 1 => 5_000..24_000_usize];
    let append = (
        0..2_usize,
        select(&Table::ALL[..]),
        vec(size, 1..4),
        any::<bool>(),
        any::<bool>(),
    );
    prop_oneof![
        12 => append.prop_map(|(lane, table, row_bytes, priority, waits)| Step::Append {
            lane, table, row_bytes, priority, waits,
        }),
        3 => any::<bool>().prop_map(|releases| Step::Flush { releases }),
        1 => Just(Step::FlushBackwards),
        1 => Just(Step::Close),
    ]
}

fn any_fault() -> impl Strategy<Value = (u64, Fault)> {
    (
        0..120_u64,
        select(&[Fault::Error, Fault::Short, Fault::Lie, Fault::Halt][..]),
    )
}

// `PROPTEST_CASES` asks for more histories than the usual 256.
proptest! {
    #[test]
    fn no_history_of_appends_faults_and_stops_breaks_the_promise(
        seed in any::<u64>(),
        lives in vec((vec(any_step(), 0..25), select(&STOPS[..]), vec(any_fault(), 0..3)), 1..5),
    ) {
        run(async {
            let mut service = super::model::Service::default();
            let mut disk = SimDisk::new(seed);
            for (steps, stop, faults) in &lives {
                for (operation, fault) in faults {
                    disk.fault_at(*operation, *fault);
                }
                service.live(&disk, &super::model::options(), steps).await;
                disk = disk.restart(*stop);
            }
            service.finish(&disk, &super::model::options()).await;
            service.check();
            service.check_no_damage_was_seen(&disk);
        });
    }
}
