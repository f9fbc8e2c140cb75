-- What was, for 90 days: see src/ledger/history.rs. And what is wrong now, with who was told of it: src/ledger/notices.rs.
-- Every statement can be run again. Times are seconds since 1970.

-- One row an hour.
CREATE TABLE IF NOT EXISTS banbridge_hour (
  -- When the hour began.
  at BIGINT NOT NULL,
  -- Packets refused, as root counted them in this hour.
  packets BIGINT UNSIGNED NOT NULL DEFAULT 0,
  runs INT UNSIGNED NOT NULL DEFAULT 0,
  -- Of them, those that did not end with exit code 0.
  failed INT UNSIGNED NOT NULL DEFAULT 0,
  -- Rows of ours, written and taken away.
  added INT UNSIGNED NOT NULL DEFAULT 0,
  removed INT UNSIGNED NOT NULL DEFAULT 0,
  -- How things stood when the last run of the hour ended; NULL when none came to its end.
  row_count INT UNSIGNED NULL,
  wanted INT UNSIGNED NULL,
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

-- Feeds that refused the key, and gave no good answer since.
CREATE TABLE IF NOT EXISTS banbridge_key_refused (
  feed_id SMALLINT UNSIGNED NOT NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (feed_id)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS banbridge_notice (
  id VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  level VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  title VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  text VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  since BIGINT NOT NULL,
  -- When it was over; NULL while it stands. A row that is over goes when everybody was told, or nobody is to be.
  over_at BIGINT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB;

-- Who was told of a notice, by which way.
CREATE TABLE IF NOT EXISTS banbridge_told (
  id VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- webhook or command.
  way VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- 0: not yet, 1: that it stands, 2: given up.
  told TINYINT UNSIGNED NOT NULL,
  tries INT UNSIGNED NOT NULL,
  PRIMARY KEY (id, way)
) ENGINE=InnoDB;
