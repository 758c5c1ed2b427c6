//! The statements of the store that have a file of their own.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use inlet_tests::database;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let here = files.into_iter().filter(|path| path.extension().is_some_and(|found| found == extension));
    here.chain(folders.iter().flat_map(|folder| self::files(folder, extension))).collect()
}

/// The files that the sources include as text.
fn included(sources: &[PathBuf]) -> BTreeSet<PathBuf> {
    let in_source = |source: &PathBuf| {
        let text = fs::read_to_string(source).unwrap();
        let names = text.split("include_str!(\"").skip(1).filter_map(|rest| rest.split_once('"'));
        names.map(|(name, _)| source.with_file_name(name).canonicalize().unwrap()).collect::<Vec<_>>()
    };
    sources.iter().flat_map(in_source).collect()
}

#[tokio::test]
async fn postgres_can_prepare_each_sql_file_of_the_store_and_each_is_included() {
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/store/src").canonicalize().unwrap();
    let statements = files(&store, "sql");
    assert!(!statements.is_empty(), "the files were not found");
    let included = included(&files(&store, "rs"));
    let url = database::create().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for file in statements {
        let shown = file.strip_prefix(&store).unwrap().display();
        assert!(included.contains(&file), "no source includes {shown}: include it with include_str!, or delete it");
        let sql = format!("PREPARE checked AS {}", fs::read_to_string(&file).unwrap());
        let prepared = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await;
        prepared.unwrap_or_else(|error| panic!("{shown} cannot be prepared: {error}"));
        sqlx::raw_sql("DEALLOCATE checked").execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    database::drop(&url).await;
}
