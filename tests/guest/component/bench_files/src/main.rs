//! What file calls cost a component:  bench_files CASE ITERATIONS FOLDER
//!
//! It prints the nanoseconds of one operation and nothing else, as bench_files.c
//! does for core modules.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::process::ExitCode;
use std::time::Instant;

const BLOCK_BYTES: usize = 4096;
const DIR_ENTRIES: usize = 16;

struct Place {
    file: String,
    dir: String,
}

fn open_close(place: &Place, count: u64) -> io::Result<()> {
    let mut block = [0; 64];
    for _ in 0..count {
        let read = File::open(&place.file)?.read(&mut block)?;
        assert_eq!(read, block.len());
    }
    Ok(())
}

fn stat(place: &Place, count: u64) -> io::Result<()> {
    for _ in 0..count {
        assert_eq!(fs::metadata(&place.file)?.len(), BLOCK_BYTES as u64);
    }
    Ok(())
}

fn write4k(place: &Place, count: u64) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(&place.file)?;
    for _ in 0..count {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&[b'x'; BLOCK_BYTES])?;
    }
    Ok(())
}

fn readdir(place: &Place, count: u64) -> io::Result<()> {
    for _ in 0..count {
        assert_eq!(fs::read_dir(&place.dir)?.count(), DIR_ENTRIES);
    }
    Ok(())
}

fn fill(place: &Place) -> io::Result<()> {
    fs::write(&place.file, [b'x'; BLOCK_BYTES])?;
    fs::create_dir_all(&place.dir)?;
    for i in 0..DIR_ENTRIES {
        File::create(format!("{}/entry-{i:02}", place.dir))?;
    }
    Ok(())
}

fn run(case: &str, count: u64, folder: &str) -> io::Result<f64> {
    let place = Place {
        file: format!("{folder}/component_file"),
        dir: format!("{folder}/component_dir"),
    };
    let operation = match case {
        "open_close" => open_close,
        "stat" => stat,
        "write4k" => write4k,
        "readdir" => readdir,
        _ => return Err(io::Error::other("no such case")),
    };
    fill(&place)?;
    operation(&place, 1)?; // what only the first one pays
    let begin = Instant::now();
    operation(&place, count)?;
    let spent = begin.elapsed().as_nanos() as f64 / count as f64;
    fs::remove_file(&place.file)?;
    fs::remove_dir_all(&place.dir)?;
    Ok(spent)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let count = args.get(2).and_then(|text| text.parse().ok()).unwrap_or(0);
    if args.len() != 4 || count == 0 {
        eprintln!("usage: bench_files open_close|stat|write4k|readdir ITERATIONS FOLDER");
        return ExitCode::from(2);
    }
    match run(&args[1], count, &args[3]) {
        Ok(spent) => {
            println!("{spent:.1}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench_files: {}: {error}", args[1]);
            ExitCode::FAILURE
        }
    }
}
