-- What is remembered of feeds that are lists, besides what every feed has.
-- Every statement can be run again.

CREATE TABLE IF NOT EXISTS banbridge_list (
  feed_id SMALLINT UNSIGNED NOT NULL,
  -- Handed back to the server, which then sends the list only when it changed.
  etag VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  last_modified VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  -- Of what the configuration says about the list: another one, and the server is asked for all of it.
  fingerprint BIGINT NOT NULL DEFAULT 0,
  -- Failures since the last good answer, and whether the last of them was an answer.
  failures INT UNSIGNED NOT NULL DEFAULT 0,
  answered TINYINT NOT NULL DEFAULT 0,
  -- Refused entries of the last good answer.
  refused INT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (feed_id)
) ENGINE=InnoDB;
