//! A real engine for one test. (Interim.)
use fresnel::config::Secret;
use fresnel::domain::connection::Connection;
use fresnel::warehouse::Warehouse;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) struct Engine {
    child: Child,
    folder: tempfile::TempDir,
    pub(crate) connection: Connection,
}

impl Engine {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (child, connection) = launch(folder.path()).await;
        Self {
            child,
            folder,
            connection,
        }
    }
    pub(crate) fn warehouse(&self) -> Warehouse {
        Warehouse::new(Some(self.connection.clone()), Duration::from_secs(20))
    }
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }
    pub(crate) async fn start_again(&mut self) {
        let (child, connection) = launch(self.folder.path()).await;
        self.child = child;
        self.connection = connection;
    }
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

async fn launch(path: &std::path::Path) -> (Child, Connection) {
    let child = Command::new("python3")
        .arg("/tmp/whe/engine.py")
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("engine");
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        assert!(std::time::Instant::now() < deadline, "engine");
        if let Ok(port) = std::fs::read_to_string(path.join("port")) {
            if let Ok(port) = port.trim().parse::<u16>() {
                let connection = Connection::new(
                    format!("http://127.0.0.1:{port}"),
                    "fresnel".into(),
                    Secret::new("secret".into()),
                    "fresnel".into(),
                );
                let w = Warehouse::new(Some(connection.clone()), Duration::from_secs(5));
                if w.ping().await.is_ok() {
                    return (child, connection);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
