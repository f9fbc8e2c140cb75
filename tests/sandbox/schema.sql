-- FreePBX's database as far as the firewall and its neighbours use it.
FLUSH PRIVILEGES;
CREATE DATABASE asterisk CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE asterisk;

CREATE TABLE kvstore_FreePBX_modules_Firewall (
  `key` CHAR(255) NOT NULL,
  `val` VARCHAR(4096) DEFAULT NULL,
  `type` CHAR(16) DEFAULT NULL,
  `id` CHAR(255) DEFAULT NULL,
  UNIQUE KEY uniqueindex (`key`(190), `id`(190)),
  KEY keyindex (`key`(190)),
  KEY idindex (`id`(190))
);
CREATE TABLE kvblobstore (
  `uuid` CHAR(36) NOT NULL,
  `type` CHAR(32) DEFAULT NULL,
  `content` LONGBLOB,
  PRIMARY KEY (`uuid`)
);
CREATE TABLE freepbx_settings (
  `keyword` VARCHAR(50) NOT NULL,
  `value` VARCHAR(255) DEFAULT NULL,
  PRIMARY KEY (`keyword`)
);
CREATE TABLE modules (
  `id` INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `modulename` VARCHAR(50) NOT NULL DEFAULT '',
  `version` VARCHAR(20) NOT NULL DEFAULT '',
  `enabled` TINYINT NOT NULL DEFAULT 0,
  `signature` BLOB,
  UNIQUE KEY (`modulename`)
);
CREATE TABLE pjsip (
  `id` VARCHAR(20) NOT NULL DEFAULT '-1',
  `keyword` VARCHAR(30) NOT NULL DEFAULT '',
  `data` VARCHAR(8000) NOT NULL,
  `flags` INT NOT NULL DEFAULT 0,
  PRIMARY KEY (`id`, `keyword`)
);
CREATE TABLE sip LIKE pjsip;
CREATE TABLE iax LIKE pjsip;

INSERT INTO freepbx_settings VALUES
  ('ASTRUNDIR', '/var/run/asterisk'),
  ('ASTLOGDIR', '/var/log/asterisk'),
  ('ASTSPOOLDIR', '/var/spool/asterisk'),
  ('AMPWEBROOT', '/var/www/html');

INSERT INTO modules (modulename, version, enabled) VALUES ('framework', '17.0.19', 1), ('firewall', '17.0.1.13', 1);

CREATE USER freepbxuser@localhost IDENTIFIED BY 'correct-horse';
GRANT ALL ON asterisk.* TO freepbxuser@localhost;
-- The tests' own hand, so that they can lock and break what freepbxuser cannot.
CREATE USER sandbox@localhost IDENTIFIED BY 'sandbox';
GRANT ALL ON *.* TO sandbox@localhost WITH GRANT OPTION;
