//! The PBX: freepbx.conf, the firewall module's rows and zones, names, and the firewall's daemon.
//!
//! Facts about the module were read in its source and measured on it (release 17.0; 15.0 and 16.0 share the driver).

pub mod blacklist;
pub mod daemon;
pub mod firewall;
pub mod freepbx_conf;
pub mod fwconsole;
pub mod interfaces;
pub mod names;
pub mod zones;
