//! What `nft -j` prints of our table and of the module's sets. Only root makes it, but root may be another program.

use banbridge::kernel::module_sets;

use super::kernel;

pub fn read(data: &[u8]) {
    let kernel = kernel::Kernel::nft(data);
    kernel::read(&kernel);
    let _ = module_sets::read(&kernel);
}

pub fn check(data: &[u8]) {
    let kernel = kernel::Kernel::nft(data);
    kernel::check(&kernel, data.len());
    if let Ok(sets) = module_sets::read(&kernel) {
        let _ = sets.holds(&Default::default());
    }
}
