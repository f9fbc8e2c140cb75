-- Packets that the set refused, and what the last run of root found of the set. Times are seconds since 1970.

CREATE TABLE IF NOT EXISTS banbridge_hit (
  prefix VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  packets BIGINT UNSIGNED NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  -- The kernel's counter when it was last read.
  counter BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (prefix)
) ENGINE=InnoDB;

-- One row, id 1.
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

-- One row, id 1: the totals, see src/kernel/set/hits.rs.
CREATE TABLE IF NOT EXISTS banbridge_hit_total (
  id TINYINT UNSIGNED NOT NULL,
  since BIGINT NOT NULL,
  packets BIGINT UNSIGNED NOT NULL,
  counter BIGINT UNSIGNED NOT NULL,
  boot BIGINT NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB;
