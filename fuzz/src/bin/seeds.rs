//! Writes the seed corpus of every target, from the providers' documented samples: `seeds <fixtures> <corpus>`.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

fn main() -> io::Result<()> {
    let paths: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [fixtures, corpus] = paths.as_slice() else {
        return Err(io::Error::other("usage: seeds <folder of the fixtures> <folder of the corpus>"));
    };
    let index: Value = serde_json::from_slice(&fs::read(fixtures.join("index.json"))?)?;
    for entry in index.as_array().into_iter().flatten() {
        let (Some(file), Some(provider)) = (entry["file"].as_str(), entry["provider"].as_str()) else {
            return Err(io::Error::other(format!("{entry} names no file or no provider")));
        };
        let body = fs::read(fixtures.join(file))?;
        plant(corpus, provider, file, &inlet_fuzz::seed(entry["suffix"].as_str(), &body))?;
        for target in ["signature", "lenient"] {
            plant(corpus, target, file, &body)?;
        }
    }
    for found in fs::read_dir(fixtures.join("malformed"))? {
        let path = found?.path();
        let (body, name) = (fs::read(&path)?, path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        for target in ["oneroute", "mobtexting", "oblic"].into_iter().filter(|target| name.starts_with(target)) {
            plant(corpus, target, &name, &inlet_fuzz::seed(None, &body))?;
        }
        plant(corpus, "lenient", &name, &body)?;
    }
    Ok(())
}

fn plant(corpus: &Path, target: &str, name: &str, input: &[u8]) -> io::Result<()> {
    let folder = corpus.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name.replace('/', "-")), input)
}
