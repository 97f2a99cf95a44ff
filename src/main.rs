fn main() {
    let text = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    match pullkey::engine::config::Config::parse(&text) {
        Ok((c, w)) => {
            println!("{c:?}");
            for w in w {
                println!("W {w}");
            }
        }
        Err(f) => {
            println!("{f}");
            for w in f.warnings {
                println!("W {w}");
            }
        }
    }
}
