-- Who attacked this PBX, as Asterisk's logs say, and what follows from it: see src/ledger/attacks.rs.
-- The same rules as in 001: MariaDB 5.5 level, times in seconds since 1970, every statement can be run again.

-- Where reading of each log goes on.
CREATE TABLE IF NOT EXISTS banbridge_log (
  path VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  device BIGINT UNSIGNED NOT NULL,
  inode BIGINT UNSIGNED NOT NULL,
  read_to BIGINT UNSIGNED NOT NULL,
  -- Of its first bytes: a file that was truncated and grew again has others.
  head BIGINT NOT NULL,
  head_length SMALLINT UNSIGNED NOT NULL,
  -- When reading it began.
  since BIGINT NOT NULL,
  -- What was wrong with it, as it was told.
  note VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  PRIMARY KEY (path)
) ENGINE=InnoDB;

-- The attempts of one attacker on one day (UTC), 90 days and 100,000 rows at most.
CREATE TABLE IF NOT EXISTS banbridge_attack (
  day BIGINT NOT NULL,
  address VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  attempts BIGINT UNSIGNED NOT NULL,
  -- Of them: while no feed listed the address.
  unlisted BIGINT UNSIGNED NOT NULL,
  -- Of them: while it was in force as blocked. They should not have arrived.
  leaked BIGINT UNSIGNED NOT NULL,
  -- Log lines by what they are about.
  calls BIGINT UNSIGNED NOT NULL,
  registrations BIGINT UNSIGNED NOT NULL,
  authentications BIGINT UNSIGNED NOT NULL,
  -- 1: the address was protected then, so no attacker; usually a phone with a wrong password.
  protected TINYINT NOT NULL,
  PRIMARY KEY (day, address)
) ENGINE=InnoDB;

-- Attempts of an hour. left_out: of those, what found no row of its own in banbridge_attack.
CREATE TABLE IF NOT EXISTS banbridge_attack_hour (
  at BIGINT NOT NULL,
  listed BIGINT UNSIGNED NOT NULL,
  unlisted BIGINT UNSIGNED NOT NULL,
  left_out BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (at)
) ENGINE=InnoDB;

-- Attempts of a day while a feed listed the attacker: it would have stopped them. alone: while no other feed did.
CREATE TABLE IF NOT EXISTS banbridge_attack_stop (
  day BIGINT NOT NULL,
  feed_id SMALLINT UNSIGNED NOT NULL,
  stopped BIGINT UNSIGNED NOT NULL,
  alone BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (day, feed_id)
) ENGINE=InnoDB;

-- Since when a feed lists an attacker: a feed forgets it, and this does not.
CREATE TABLE IF NOT EXISTS banbridge_attack_feed (
  address VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  feed_id SMALLINT UNSIGNED NOT NULL,
  since BIGINT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (address, feed_id)
) ENGINE=InnoDB;

-- What was in the logs lately, by minute: what feeds of kind log count. kind 4 is a success.
CREATE TABLE IF NOT EXISTS banbridge_recent (
  address VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind TINYINT UNSIGNED NOT NULL,
  at BIGINT NOT NULL,
  number INT UNSIGNED NOT NULL,
  PRIMARY KEY (address, kind, at),
  KEY at (at)
) ENGINE=InnoDB;

-- How often a feed of kind log banned an address.
CREATE TABLE IF NOT EXISTS banbridge_offender (
  feed_id SMALLINT UNSIGNED NOT NULL,
  address VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  bans INT UNSIGNED NOT NULL,
  banned_at BIGINT NOT NULL,
  PRIMARY KEY (feed_id, address)
) ENGINE=InnoDB;

-- What was given to CrowdSec: by address, until when the decision lasts that it was told of.
CREATE TABLE IF NOT EXISTS banbridge_shared (
  address VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (address)
) ENGINE=InnoDB;

-- Packets of an hour from outside of the permit list.
CREATE TABLE IF NOT EXISTS banbridge_outside_hour (
  at BIGINT NOT NULL,
  packets BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (at)
) ENGINE=InnoDB;

-- Who authenticated, registered or answered, by day: who would be missed if he were outside.
CREATE TABLE IF NOT EXISTS banbridge_success (
  day BIGINT NOT NULL,
  address VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  number BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (day, address)
) ENGINE=InnoDB;
