//! The PBX: freepbx.conf, the firewall module's rows and zones, names, and the firewall's daemon.
//!
//! Facts about the module were read in its source and measured on it (release 17.0; 15.0 and 16.0 share the driver).

pub mod asterisk;
pub mod blacklist;
pub mod contacts;
pub mod daemon;
pub mod fail2ban;
pub mod firewall;
pub mod freepbx_conf;
pub mod fwconsole;
pub mod gateways;
pub mod hosts_file;
pub mod interfaces;
pub mod jails;
pub mod named;
pub mod names;
pub mod protected;
pub mod resolvers;
pub mod sip_ports;
pub mod srv;
pub mod ssh;
pub mod trunks;
pub mod zones;
