//! What operators find in the folder of dead letters.

use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

#[test]
fn a_start_removes_dead_letters_beyond_their_retention_and_says_so() {
    for (days, is_removed) in [("90", true), ("0", false)] {
        let options = Options::new().set("FRESNEL_FLUSH__DEAD_LETTERS_RETENTION_DAYS", days);
        let mut server = Fresnel::prepare(options);
        let folder = server.data_dir().join("dead-letters");
        std::fs::create_dir_all(&folder).expect("a folder");
        let [old, future, other] =
            ["2020-02-29.ndjson", "2999-01-01.ndjson", "notes.ndjson"].map(|name| folder.join(name));
        for file in [&old, &future, &other] {
            std::fs::write(file, "{}\n{}\n{}\n").expect("a file");
        }
        server.spawn();
        server.wait_until_live();
        if is_removed {
            wait::until("the end of the old file", PATIENCE, || {
                (!old.exists()).then_some(())
            });
            let line = wait::until("the log line", PATIENCE, || {
                let log = server.log();
                log.lines()
                    .find(|line| line.contains("2020-02-29.ndjson"))
                    .map(str::to_owned)
            });
            assert!(line.contains("rows=3"), "{line}");
        }
        let (status, _) = server.stop();
        assert!(status.success(), "{status}");
        assert_eq!(
            (old.exists(), future.exists(), other.exists()),
            (!is_removed, true, true)
        );
    }
}
