-- Who is never blocked because an administrator said so by a command; the configuration's list is not in here.
CREATE TABLE IF NOT EXISTS banbridge_allow (
  -- An address, a network or a host name, in its canonical form.
  target VARCHAR(191) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  comment VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (target)
) ENGINE=InnoDB;

-- Protections of sources that come and go, with the time when each was last seen: registered phones, SSH sessions.
CREATE TABLE IF NOT EXISTS banbridge_sighting (
  source VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  prefix VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  label VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  last_seen BIGINT NOT NULL,
  PRIMARY KEY (source, prefix)
) ENGINE=InnoDB;
