-- What FreePBX's framework keeps in its database, as far as a module's page, job and notices use it.
CREATE TABLE IF NOT EXISTS ampusers (
  `username` VARCHAR(190) NOT NULL PRIMARY KEY,
  `password_sha1` VARCHAR(40) NOT NULL,
  `extension_low` VARCHAR(20) NOT NULL DEFAULT '',
  `extension_high` VARCHAR(20) NOT NULL DEFAULT '',
  `deptname` VARCHAR(20) NOT NULL DEFAULT '',
  `sections` BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS modules (
  `id` INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `modulename` VARCHAR(50) NOT NULL DEFAULT '',
  `version` VARCHAR(20) NOT NULL DEFAULT '',
  `enabled` TINYINT NOT NULL DEFAULT 0,
  `signature` BLOB,
  UNIQUE KEY (`modulename`)
);
-- 24 characters are all that a notice's name may have.
CREATE TABLE IF NOT EXISTS notifications (
  `module` VARCHAR(24) NOT NULL DEFAULT '',
  `id` VARCHAR(24) NOT NULL DEFAULT '',
  `level` INT NOT NULL DEFAULT 0,
  `display_text` VARCHAR(255) NOT NULL DEFAULT '',
  `extended_text` BLOB NOT NULL,
  `link` VARCHAR(255) NOT NULL DEFAULT '',
  `reset` TINYINT NOT NULL DEFAULT 0,
  `candelete` TINYINT NOT NULL DEFAULT 0,
  `timestamp` INT NOT NULL DEFAULT 0,
  PRIMARY KEY (`module`, `id`)
);
CREATE TABLE IF NOT EXISTS cron_jobs (
  `id` INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `modulename` VARCHAR(170) NOT NULL DEFAULT '',
  `jobname` VARCHAR(170) NOT NULL DEFAULT '',
  `command` TEXT,
  `class` TEXT,
  `schedule` VARCHAR(255) NOT NULL,
  `max_runtime` SMALLINT NOT NULL DEFAULT 30,
  `optional` TINYINT DEFAULT 0,
  `enabled` TINYINT NOT NULL DEFAULT 1,
  UNIQUE KEY (`modulename`, `jobname`)
);

INSERT IGNORE INTO freepbx_settings VALUES
  ('ASTETCDIR', '/etc/asterisk'),
  ('AMPSBIN', '/usr/sbin'),
  ('AMPBIN', '/var/lib/asterisk/bin'),
  ('AMPASTERISKWEBUSER', 'asterisk'),
  ('AMPASTERISKWEBGROUP', 'asterisk'),
  ('AMPASTERISKUSER', 'asterisk'),
  ('CHECKREFERER', '1'),
  ('AUTHTYPE', 'database'),
  ('UIDEFAULTLANG', 'en_US');
INSERT IGNORE INTO modules (modulename, version, enabled) VALUES ('framework', '17.0.19', 1), ('firewall', '17.0.1.13', 1);
-- The administrator; one who may see and change banbridge and nothing else; one who may see it; one who may not.
INSERT IGNORE INTO ampusers (username, password_sha1, sections) VALUES
  ('admin', SHA1('admin'), '*'),
  ('editor', SHA1('editor'), 'banbridge;banbridge_change'),
  ('operator', SHA1('operator'), 'banbridge'),
  ('reception', SHA1('reception'), 'firewall');
