-- What each feed said, and what we did. All tables are ours, all begin with banbridge_.
-- MariaDB 5.5 level. Times are whole seconds since 1970 in UTC, from the program's clock.
-- Every statement can be run again, so that a migration that was cut off is simply repeated.

CREATE TABLE IF NOT EXISTS banbridge_feed (
  id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
  name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- Where to go on; NULL: from the beginning.
  cursor_id VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  -- 1 once the list was complete after the last beginning.
  complete TINYINT NOT NULL DEFAULT 0,
  last_attempt BIGINT NULL,
  last_success BIGINT NULL,
  last_error VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  -- Not to be asked before this time (the server's Retry-After).
  retry_at BIGINT NULL,
  -- What the feed covered when it was complete and not held, a week ago at most: entries, IPv4 addresses, /48 networks of
  -- IPv6; and when that was.
  base_size INT UNSIGNED NULL,
  base_v4 BIGINT UNSIGNED NULL,
  base_v6 BIGINT UNSIGNED NULL,
  based_at BIGINT NULL,
  -- When it was last complete and not held.
  completed_at BIGINT NULL,
  -- What it named after this time is held until it is accepted.
  held_since BIGINT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY name (name)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS banbridge_entry (
  feed_id SMALLINT UNSIGNED NOT NULL,
  prefix VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  first_seen BIGINT NOT NULL,
  last_seen BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (feed_id, prefix)
) ENGINE=InnoDB;

-- Skipped entries: invalid or too wide, with the reason. Text of a feed: hostile, cut to length.
CREATE TABLE IF NOT EXISTS banbridge_skipped (
  feed_id SMALLINT UNSIGNED NOT NULL,
  entry VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  reason VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  last_seen BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (feed_id, entry)
) ENGINE=InnoDB;

-- When a server was asked, in milliseconds, so that all runs together keep its limit.
CREATE TABLE IF NOT EXISTS banbridge_request (
  pace VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at_ms BIGINT NOT NULL,
  KEY pace (pace, at_ms)
) ENGINE=InnoDB;

-- The rows that we wrote into the firewall blacklist. One that is gone was deleted by somebody else.
CREATE TABLE IF NOT EXISTS banbridge_row (
  prefix VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  written_at BIGINT NOT NULL,
  -- 1: written through fwconsole, which cannot mark it. Only this table says that it is ours.
  unmarked TINYINT NOT NULL DEFAULT 0,
  -- 1: being written or removed. That it is gone does not mean that somebody else deleted it.
  changing TINYINT NOT NULL DEFAULT 0,
  PRIMARY KEY (prefix)
) ENGINE=InnoDB;

-- What was unblocked, and until when.
CREATE TABLE IF NOT EXISTS banbridge_unblock (
  prefix VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  since BIGINT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (prefix)
) ENGINE=InnoDB;

-- Protected addresses and networks, as they were last read, by source.
CREATE TABLE IF NOT EXISTS banbridge_protection (
  source VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  prefix VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  label VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  KEY source (source)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS banbridge_source (
  source VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  last_success BIGINT NULL,
  last_error VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  PRIMARY KEY (source)
) ENGINE=InnoDB;

-- The last good answer for each host name.
CREATE TABLE IF NOT EXISTS banbridge_name (
  name VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  address VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  resolved_at BIGINT NOT NULL,
  PRIMARY KEY (name, address)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS banbridge_run (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  pid INT UNSIGNED NOT NULL,
  started_at BIGINT NOT NULL,
  finished_at BIGINT NULL,
  exit_code TINYINT UNSIGNED NULL,
  added INT UNSIGNED NOT NULL DEFAULT 0,
  removed INT UNSIGNED NOT NULL DEFAULT 0,
  -- How many warnings it gave.
  warnings INT UNSIGNED NOT NULL DEFAULT 0,
  error VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  -- Why its rows did not take effect at once, where they did not.
  fallback VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB;

-- Single values: see src/ledger/state.rs.
CREATE TABLE IF NOT EXISTS banbridge_state (
  name VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  value BIGINT NOT NULL,
  PRIMARY KEY (name)
) ENGINE=InnoDB;

-- The allow list of the command. What the configuration allows is not in here.
CREATE TABLE IF NOT EXISTS banbridge_allow (
  -- An address, a network or a host name, in its canonical form.
  target VARCHAR(191) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  comment VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (target)
) ENGINE=InnoDB;

-- Protected addresses of sources that come and go, with the time when each was last seen: registered phones, SSH sessions.
CREATE TABLE IF NOT EXISTS banbridge_sighting (
  source VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  prefix VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  label VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  last_seen BIGINT NOT NULL,
  PRIMARY KEY (source, prefix)
) ENGINE=InnoDB;

-- What is remembered of feeds that are lists, besides what every feed has.

CREATE TABLE IF NOT EXISTS banbridge_list (
  feed_id SMALLINT UNSIGNED NOT NULL,
  -- Sent back to the server, which then sends the list only when it changed.
  etag VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  last_modified VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  -- Of the settings that the list was read with. With other settings it is fetched whole.
  fingerprint BIGINT NOT NULL DEFAULT 0,
  -- Failures since the last good answer, and whether the last of them was an answer.
  failures INT UNSIGNED NOT NULL DEFAULT 0,
  answered TINYINT NOT NULL DEFAULT 0,
  -- Skipped entries of the last good answer.
  skipped INT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (feed_id)
) ENGINE=InnoDB;

-- Blocked packets, as the kernel set counted them.
CREATE TABLE IF NOT EXISTS banbridge_hit (
  prefix VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  packets BIGINT UNSIGNED NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  -- The kernel's counter when it was last read.
  counter BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (prefix)
) ENGINE=InnoDB;

-- What the last run as root found of the kernel set. One row, id 1.
CREATE TABLE IF NOT EXISTS banbridge_set (
  id TINYINT UNSIGNED NOT NULL,
  -- nft, ipset or none.
  backend VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  size INT UNSIGNED NOT NULL,
  checked_at BIGINT NOT NULL,
  -- What does not work, in words.
  note VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB;

-- What root saw in the kernel of the rules that the rows ask for. One row, id 1. See src/ban/health/evidence.rs.
CREATE TABLE IF NOT EXISTS banbridge_evidence (
  id TINYINT UNSIGNED NOT NULL,
  seen_at BIGINT NOT NULL,
  -- How many rules were missing; -1: there was no chain; -2: the kernel could not be asked.
  missing BIGINT NOT NULL,
  -- How many rules no row explained.
  extra BIGINT NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB;

-- One row, id 1: the totals, see src/ban/hits.rs.
CREATE TABLE IF NOT EXISTS banbridge_hit_total (
  id TINYINT UNSIGNED NOT NULL,
  since BIGINT NOT NULL,
  packets BIGINT UNSIGNED NOT NULL,
  counter BIGINT UNSIGNED NOT NULL,
  boot BIGINT NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB;

-- The past 90 days: see src/ledger/history.rs.

-- One row an hour.
CREATE TABLE IF NOT EXISTS banbridge_hour (
  -- When the hour began.
  at BIGINT NOT NULL,
  -- Blocked packets, as root counted them in this hour.
  packets BIGINT UNSIGNED NOT NULL DEFAULT 0,
  runs INT UNSIGNED NOT NULL DEFAULT 0,
  -- Of them, those that did not end with exit code 0.
  failed INT UNSIGNED NOT NULL DEFAULT 0,
  -- Rows of ours, written and removed.
  added INT UNSIGNED NOT NULL DEFAULT 0,
  removed INT UNSIGNED NOT NULL DEFAULT 0,
  -- The figures of the last run of the hour that ended. NULL: no run ended.
  row_count INT UNSIGNED NULL,
  to_block INT UNSIGNED NULL,
  set_size INT UNSIGNED NULL,
  protected INT UNSIGNED NULL,
  over_limit INT UNSIGNED NULL,
  PRIMARY KEY (at)
) ENGINE=InnoDB;

-- How many entries each feed had at the end of a day.
CREATE TABLE IF NOT EXISTS banbridge_feed_day (
  day BIGINT NOT NULL,
  feed_id SMALLINT UNSIGNED NOT NULL,
  entries INT UNSIGNED NOT NULL,
  PRIMARY KEY (day, feed_id)
) ENGINE=InnoDB;

-- Feeds that did not accept the key, and gave no good answer since.
CREATE TABLE IF NOT EXISTS banbridge_key_refused (
  feed_id SMALLINT UNSIGNED NOT NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (feed_id)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS banbridge_problem (
  id VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  level VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  title VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  text VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  since BIGINT NOT NULL,
  -- When it ended. NULL: it is there now. A row that ended is removed when everybody was notified.
  over_at BIGINT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB;

-- Who was notified of a problem, and how.
CREATE TABLE IF NOT EXISTS banbridge_notified (
  id VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- webhook or command.
  way VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- 0: not yet, 1: that it is there, 2: given up.
  state TINYINT UNSIGNED NOT NULL,
  tries INT UNSIGNED NOT NULL,
  PRIMARY KEY (id, way)
) ENGINE=InnoDB;
