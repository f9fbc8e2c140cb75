-- The ledger: what each feed said, and what we did. All tables are ours, all begin with banbridge_.
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
  -- The surge guard: how many prefixes the feed had when it was last complete, and when that was.
  base_size INT UNSIGNED NULL,
  completed_at BIGINT NULL,
  -- What it named after this time is held until an administrator accepts it.
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

-- Entries that are no prefix, or too wide a one, with the reason. Text of a feed: hostile, cut to length.
CREATE TABLE IF NOT EXISTS banbridge_refused (
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

-- The rows that we wrote into the firewall's blacklist: one that is gone was taken out by the administrator.
CREATE TABLE IF NOT EXISTS banbridge_row (
  prefix VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  written_at BIGINT NOT NULL,
  -- 1: written through fwconsole, which cannot mark it; that it is ours stands here alone.
  unmarked TINYINT NOT NULL DEFAULT 0,
  -- 1: being written or taken away through fwconsole; when it is gone, nobody's hand is told from that.
  changing TINYINT NOT NULL DEFAULT 0,
  PRIMARY KEY (prefix)
) ENGINE=InnoDB;

-- What an administrator took out, and until when no feed brings it back.
CREATE TABLE IF NOT EXISTS banbridge_release (
  prefix VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  since BIGINT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (prefix)
) ENGINE=InnoDB;

-- What must never be blocked, as it was last read, by source.
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
  error VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  -- Why its rows were not brought into force at once, when they were not.
  fallback VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB;

-- Single values: see src/ledger/state.rs.
CREATE TABLE IF NOT EXISTS banbridge_state (
  name VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  value BIGINT NOT NULL,
  PRIMARY KEY (name)
) ENGINE=InnoDB;
