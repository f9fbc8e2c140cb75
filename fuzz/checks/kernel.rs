//! A kernel that holds whatever its listing says, for the targets `nft` and `ipset`.

use std::cell::RefCell;
use std::path::Path;

use banbridge::ban::Cover;
use banbridge::ban::hits::{Book, Changes};
use banbridge::kernel::set::{Desired, Set};
use banbridge::system::program::{Output, ProgramError, Programs};

/// Nothing can be saved there.
const NOWHERE: &str = "/proc/banbridge";

/// Programs that all print the same.
pub struct Kernel<'a> {
    printed: &'a [u8],
    nft: bool,
    told: RefCell<String>,
}

impl<'a> Kernel<'a> {
    pub fn nft(printed: &'a [u8]) -> Self {
        Self { printed, nft: true, told: RefCell::default() }
    }

    /// A system without nft.
    pub fn ipset(printed: &'a [u8]) -> Self {
        Self { nft: false, ..Self::nft(printed) }
    }
}

impl Programs for Kernel<'_> {
    fn run(&self, name: &str, _: &[&str], stdin: Vec<u8>) -> Result<Output, ProgramError> {
        if (name == "nft") != self.nft {
            return Err(ProgramError::Missing(name.to_owned()));
        }
        *self.told.borrow_mut() += &String::from_utf8(stdin).expect("a script is text");
        Ok(Output { code: Some(0), stdout: self.printed.to_owned(), stderr: String::new() })
    }
}

pub fn read(kernel: &Kernel<'_>) {
    let _ = Set::open(kernel, Path::new(NOWHERE));
}

pub fn check(kernel: &Kernel<'_>, size: usize) {
    let Ok(set) = Set::open(kernel, Path::new(NOWHERE)) else { return };
    let Some(held) = set.held() else { return };
    // A range of all IPv6 addresses but two is 254 prefixes.
    assert!(held.blocked.len() + held.pass.len() <= 16 * size);
    assert!(held.blocked.is_sorted_by_key(|element| element.prefix) && held.pass.is_sorted());
    let blocked: Vec<_> = held.blocked.iter().map(|element| element.prefix).collect();
    for prefix in &blocked {
        assert!(held.find(prefix).is_some_and(|element| element.prefix.contains(prefix)));
    }
    // What was counted is not counted again.
    let mut book = Book::default();
    book.count(Some(held.counted()), 1, 100);
    let busiest = book.busiest(5);
    if blocked.is_sorted_by(|one, next| one < next) {
        assert_eq!(book.count(Some(held.counted()), 1, 101), Changes::default());
        assert_eq!(book.busiest(5), busiest);
    }
    // Asked for what it holds already, it holds that and nothing more afterwards.
    let desired = Desired::of(&blocked, &held.pass);
    let pass = Cover::new(desired.pass());
    assert!(desired.blocked().iter().all(|prefix| !pass.overlaps(prefix)));
    kernel.told.borrow_mut().clear();
    let Ok(outcome) = set.bring(&desired, 0) else { return };
    assert_eq!(outcome.size, desired.blocked().len());
    assert!(outcome.added <= outcome.size);
    if outcome.wrote {
        let told = kernel.told.borrow();
        let told: Vec<_> = told.split([' ', '\n', ',']).filter_map(|word| word.parse().ok()).collect();
        let wanted: Vec<_> = desired.blocked().iter().chain(desired.pass()).copied().collect();
        assert_eq!(Cover::new(&told).prefixes(), Cover::new(&wanted).prefixes());
    }
}
