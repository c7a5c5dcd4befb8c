// What the examples of the library's documentation work on; they include this file.

use tenantctl::db::local::{Binaries, Cluster, Folders, Owner, StopMode};

/// Runs an example with the URL of a private server that has the tenants `acme`, of `acme.example`, and `globex`.
fn with_tenants(example: impl AsyncFnOnce(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("tenantctl-doc-{}", std::process::id()));
    let variable = |name: &str| std::env::var(name).ok();
    let cluster = Cluster::new(Binaries::find(None, &variable)?, Owner::pick(None)?, Folders::below(&folder)?);
    cluster.init_and_start()?;
    let url = cluster.folders.url("postgres");
    let commands: [&[&str]; 3] = [
        &["init"],
        &["create", "acme", "--domain", "acme.example"],
        &["create", "globex"],
    ];
    for command in commands {
        let arguments = [&["tenantctl", "--database-url", url.as_str(), "--quiet"], command].concat();
        assert!(tenantctl::run(arguments) == std::process::ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(example(&url));
    cluster.stop(StopMode::Immediate)?;
    std::fs::remove_dir_all(&folder).ok();
    result
}
