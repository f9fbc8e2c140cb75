-- What the program of commit 047e13e left in the database: two lists, one address of which left its list, an allowed and
-- an unblocked one. Made by running it; the times are moved to now when it is loaded.
/*M!999999\- enable the sandbox mode */ 
CREATE TABLE `banbridge_allow` (
  `target` varchar(191) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `comment` varchar(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `since` bigint(20) NOT NULL,
  PRIMARY KEY (`target`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_allow` (`target`, `comment`, `since`) VALUES ('198.51.100.7','office',1795757075);
CREATE TABLE `banbridge_entry` (
  `feed_id` smallint(5) unsigned NOT NULL,
  `prefix` varchar(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `first_seen` bigint(20) NOT NULL,
  `last_seen` bigint(20) NOT NULL,
  `expires_at` bigint(20) NOT NULL,
  PRIMARY KEY (`feed_id`,`prefix`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_entry` (`feed_id`, `prefix`, `first_seen`, `last_seen`, `expires_at`) VALUES (1,'163.172.207.104',1795757075,1795757075,253402300799);
INSERT INTO `banbridge_entry` (`feed_id`, `prefix`, `first_seen`, `last_seen`, `expires_at`) VALUES (1,'2a06:4880::78',1795757075,1795757075,253402300799);
INSERT INTO `banbridge_entry` (`feed_id`, `prefix`, `first_seen`, `last_seen`, `expires_at`) VALUES (1,'45.134.144.12',1795757075,1795757075,253402300799);
INSERT INTO `banbridge_entry` (`feed_id`, `prefix`, `first_seen`, `last_seen`, `expires_at`) VALUES (1,'45.134.144.13',1795757075,1795757075,253402300799);
INSERT INTO `banbridge_entry` (`feed_id`, `prefix`, `first_seen`, `last_seen`, `expires_at`) VALUES (1,'5.188.10.0/24',1795757075,1795757075,253402300799);
INSERT INTO `banbridge_entry` (`feed_id`, `prefix`, `first_seen`, `last_seen`, `expires_at`) VALUES (1,'62.210.149.30',1795757075,1795757075,253402300799);
INSERT INTO `banbridge_entry` (`feed_id`, `prefix`, `first_seen`, `last_seen`, `expires_at`) VALUES (2,'104.37.175.137',1795757075,1795757075,1796361875);
INSERT INTO `banbridge_entry` (`feed_id`, `prefix`, `first_seen`, `last_seen`, `expires_at`) VALUES (2,'77.247.110.58',1795757075,1795757075,253402300799);
CREATE TABLE `banbridge_evidence` (
  `id` tinyint(3) unsigned NOT NULL,
  `seen_at` bigint(20) NOT NULL,
  `missing` bigint(20) NOT NULL,
  `extra` bigint(20) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_evidence` (`id`, `seen_at`, `missing`, `extra`) VALUES (1,1795757075,0,0);
CREATE TABLE `banbridge_feed` (
  `id` smallint(5) unsigned NOT NULL AUTO_INCREMENT,
  `name` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `cursor_id` varchar(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `complete` tinyint(4) NOT NULL DEFAULT 0,
  `last_attempt` bigint(20) DEFAULT NULL,
  `last_success` bigint(20) DEFAULT NULL,
  `last_error` varchar(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `retry_at` bigint(20) DEFAULT NULL,
  `base_size` int(10) unsigned DEFAULT NULL,
  `base_v4` bigint(20) unsigned DEFAULT NULL,
  `base_v6` bigint(20) unsigned DEFAULT NULL,
  `based_at` bigint(20) DEFAULT NULL,
  `completed_at` bigint(20) DEFAULT NULL,
  `held_since` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `name` (`name`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_feed` (`id`, `name`, `cursor_id`, `complete`, `last_attempt`, `last_success`, `last_error`, `retry_at`, `base_size`, `base_v4`, `base_v6`, `based_at`, `completed_at`, `held_since`) VALUES (1,'one',NULL,1,1795757075,1795757075,NULL,NULL,6,260,1,1795757075,1795757075,NULL);
INSERT INTO `banbridge_feed` (`id`, `name`, `cursor_id`, `complete`, `last_attempt`, `last_success`, `last_error`, `retry_at`, `base_size`, `base_v4`, `base_v6`, `based_at`, `completed_at`, `held_since`) VALUES (2,'two',NULL,1,1795757075,1795757075,NULL,NULL,2,2,0,1795757075,1795757075,NULL);
CREATE TABLE `banbridge_feed_day` (
  `day` bigint(20) NOT NULL,
  `feed_id` smallint(5) unsigned NOT NULL,
  `entries` int(10) unsigned NOT NULL,
  PRIMARY KEY (`day`,`feed_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_feed_day` (`day`, `feed_id`, `entries`) VALUES (1795737600,1,6);
INSERT INTO `banbridge_feed_day` (`day`, `feed_id`, `entries`) VALUES (1795737600,2,2);
CREATE TABLE `banbridge_hit` (
  `prefix` varchar(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `packets` bigint(20) unsigned NOT NULL,
  `first_at` bigint(20) NOT NULL,
  `last_at` bigint(20) NOT NULL,
  `counter` bigint(20) unsigned NOT NULL,
  PRIMARY KEY (`prefix`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `banbridge_hit_total` (
  `id` tinyint(3) unsigned NOT NULL,
  `since` bigint(20) NOT NULL,
  `packets` bigint(20) unsigned NOT NULL,
  `counter` bigint(20) unsigned NOT NULL,
  `boot` bigint(20) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_hit_total` (`id`, `since`, `packets`, `counter`, `boot`) VALUES (1,1795757075,0,0,26576375631619178);
CREATE TABLE `banbridge_hour` (
  `at` bigint(20) NOT NULL,
  `packets` bigint(20) unsigned NOT NULL DEFAULT 0,
  `runs` int(10) unsigned NOT NULL DEFAULT 0,
  `failed` int(10) unsigned NOT NULL DEFAULT 0,
  `added` int(10) unsigned NOT NULL DEFAULT 0,
  `removed` int(10) unsigned NOT NULL DEFAULT 0,
  `row_count` int(10) unsigned DEFAULT NULL,
  `to_block` int(10) unsigned DEFAULT NULL,
  `set_size` int(10) unsigned DEFAULT NULL,
  `protected` int(10) unsigned DEFAULT NULL,
  `over_limit` int(10) unsigned DEFAULT NULL,
  PRIMARY KEY (`at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_hour` (`at`, `packets`, `runs`, `failed`, `added`, `removed`, `row_count`, `to_block`, `set_size`, `protected`, `over_limit`) VALUES (1795755600,0,4,0,6,1,5,8,6,0,0);
CREATE TABLE `banbridge_key_refused` (
  `feed_id` smallint(5) unsigned NOT NULL,
  `since` bigint(20) NOT NULL,
  PRIMARY KEY (`feed_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `banbridge_list` (
  `feed_id` smallint(5) unsigned NOT NULL,
  `etag` varchar(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `last_modified` varchar(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `fingerprint` bigint(20) NOT NULL DEFAULT 0,
  `failures` int(10) unsigned NOT NULL DEFAULT 0,
  `answered` tinyint(4) NOT NULL DEFAULT 0,
  `skipped` int(10) unsigned NOT NULL DEFAULT 0,
  PRIMARY KEY (`feed_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_list` (`feed_id`, `etag`, `last_modified`, `fingerprint`, `failures`, `answered`, `skipped`) VALUES (1,'1795757075026001507-86-347',NULL,1142581883821184257,0,0,0);
INSERT INTO `banbridge_list` (`feed_id`, `etag`, `last_modified`, `fingerprint`, `failures`, `answered`, `skipped`) VALUES (2,'1795757075554001482-14-348',NULL,-3043292408737645817,0,0,0);
CREATE TABLE `banbridge_name` (
  `name` varchar(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `address` varchar(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `resolved_at` bigint(20) NOT NULL,
  PRIMARY KEY (`name`,`address`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `banbridge_notified` (
  `id` varchar(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `way` varchar(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `state` tinyint(3) unsigned NOT NULL,
  `tries` int(10) unsigned NOT NULL,
  PRIMARY KEY (`id`,`way`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `banbridge_problem` (
  `id` varchar(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `level` varchar(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `title` varchar(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `text` varchar(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `since` bigint(20) NOT NULL,
  `over_at` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `banbridge_protection` (
  `source` varchar(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `prefix` varchar(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `label` varchar(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  KEY `source` (`source`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_protection` (`source`, `prefix`, `label`) VALUES ('zone','192.168.77.0/24','trusted: 192.168.77.0/24');
INSERT INTO `banbridge_protection` (`source`, `prefix`, `label`) VALUES ('interface','127.0.0.1','lo');
INSERT INTO `banbridge_protection` (`source`, `prefix`, `label`) VALUES ('interface','81.2.69.142','wan');
INSERT INTO `banbridge_protection` (`source`, `prefix`, `label`) VALUES ('interface','192.168.77.1','lan');
INSERT INTO `banbridge_protection` (`source`, `prefix`, `label`) VALUES ('interface','::1','lo');
INSERT INTO `banbridge_protection` (`source`, `prefix`, `label`) VALUES ('interface','2a02:2e02:100::142','wan');
INSERT INTO `banbridge_protection` (`source`, `prefix`, `label`) VALUES ('interface','2a02:2e02:200::1','lan');
INSERT INTO `banbridge_protection` (`source`, `prefix`, `label`) VALUES ('gateway','81.2.69.1','wan');
INSERT INTO `banbridge_protection` (`source`, `prefix`, `label`) VALUES ('gateway','2a02:2e02:100::1','wan');
INSERT INTO `banbridge_protection` (`source`, `prefix`, `label`) VALUES ('resolver','127.0.0.1','/etc/resolv.conf');
INSERT INTO `banbridge_protection` (`source`, `prefix`, `label`) VALUES ('hosts','127.0.0.1','localhost');
INSERT INTO `banbridge_protection` (`source`, `prefix`, `label`) VALUES ('hosts','::1','localhost');
INSERT INTO `banbridge_protection` (`source`, `prefix`, `label`) VALUES ('allow','198.51.100.7','198.51.100.7 (office)');
CREATE TABLE `banbridge_request` (
  `pace` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `at_ms` bigint(20) NOT NULL,
  KEY `pace` (`pace`,`at_ms`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `banbridge_row` (
  `prefix` varchar(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `written_at` bigint(20) NOT NULL,
  `unmarked` tinyint(4) NOT NULL DEFAULT 0,
  `changing` tinyint(4) NOT NULL DEFAULT 0,
  PRIMARY KEY (`prefix`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_row` (`prefix`, `written_at`, `unmarked`, `changing`) VALUES ('104.37.175.137',1795757075,0,0);
INSERT INTO `banbridge_row` (`prefix`, `written_at`, `unmarked`, `changing`) VALUES ('45.134.144.12/31',1795757075,0,0);
INSERT INTO `banbridge_row` (`prefix`, `written_at`, `unmarked`, `changing`) VALUES ('5.188.10.0/24',1795757075,0,0);
INSERT INTO `banbridge_row` (`prefix`, `written_at`, `unmarked`, `changing`) VALUES ('62.210.149.30',1795757075,0,0);
INSERT INTO `banbridge_row` (`prefix`, `written_at`, `unmarked`, `changing`) VALUES ('77.247.110.58',1795757075,0,0);
CREATE TABLE `banbridge_run` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `pid` int(10) unsigned NOT NULL,
  `started_at` bigint(20) NOT NULL,
  `finished_at` bigint(20) DEFAULT NULL,
  `exit_code` tinyint(3) unsigned DEFAULT NULL,
  `added` int(10) unsigned NOT NULL DEFAULT 0,
  `removed` int(10) unsigned NOT NULL DEFAULT 0,
  `warnings` int(10) unsigned NOT NULL DEFAULT 0,
  `error` varchar(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `fallback` varchar(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_run` (`id`, `pid`, `started_at`, `finished_at`, `exit_code`, `added`, `removed`, `warnings`, `error`, `fallback`) VALUES (1,168,1795757075,1795757075,0,6,0,0,NULL,NULL);
INSERT INTO `banbridge_run` (`id`, `pid`, `started_at`, `finished_at`, `exit_code`, `added`, `removed`, `warnings`, `error`, `fallback`) VALUES (2,369,1795757075,1795757075,0,0,0,0,NULL,NULL);
INSERT INTO `banbridge_run` (`id`, `pid`, `started_at`, `finished_at`, `exit_code`, `added`, `removed`, `warnings`, `error`, `fallback`) VALUES (3,379,1795757075,1795757075,0,0,1,0,NULL,NULL);
INSERT INTO `banbridge_run` (`id`, `pid`, `started_at`, `finished_at`, `exit_code`, `added`, `removed`, `warnings`, `error`, `fallback`) VALUES (4,419,1795757075,1795757075,0,0,0,0,NULL,NULL);
CREATE TABLE `banbridge_schema` (
  `version` int(10) unsigned NOT NULL,
  `program` varchar(64) NOT NULL,
  `applied_at` bigint(20) NOT NULL,
  PRIMARY KEY (`version`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_schema` (`version`, `program`, `applied_at`) VALUES (1,'0.1.0',1795757075);
CREATE TABLE `banbridge_set` (
  `id` tinyint(3) unsigned NOT NULL,
  `backend` varchar(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `size` int(10) unsigned NOT NULL,
  `checked_at` bigint(20) NOT NULL,
  `note` varchar(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_set` (`id`, `backend`, `size`, `checked_at`, `note`) VALUES (1,'nft',6,1795757075,NULL);
CREATE TABLE `banbridge_sighting` (
  `source` varchar(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `prefix` varchar(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `label` varchar(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `last_seen` bigint(20) NOT NULL,
  PRIMARY KEY (`source`,`prefix`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `banbridge_skipped` (
  `feed_id` smallint(5) unsigned NOT NULL,
  `entry` varchar(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `reason` varchar(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `last_seen` bigint(20) NOT NULL,
  `expires_at` bigint(20) NOT NULL,
  PRIMARY KEY (`feed_id`,`entry`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `banbridge_source` (
  `source` varchar(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `last_success` bigint(20) DEFAULT NULL,
  `last_error` varchar(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  PRIMARY KEY (`source`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_source` (`source`, `last_success`, `last_error`) VALUES ('allow',1795757075,NULL);
INSERT INTO `banbridge_source` (`source`, `last_success`, `last_error`) VALUES ('contact',1795757075,NULL);
INSERT INTO `banbridge_source` (`source`, `last_success`, `last_error`) VALUES ('database',1795757075,NULL);
INSERT INTO `banbridge_source` (`source`, `last_success`, `last_error`) VALUES ('fail2ban',1795757075,NULL);
INSERT INTO `banbridge_source` (`source`, `last_success`, `last_error`) VALUES ('gateway',1795757075,NULL);
INSERT INTO `banbridge_source` (`source`, `last_success`, `last_error`) VALUES ('hidden',1795757075,NULL);
INSERT INTO `banbridge_source` (`source`, `last_success`, `last_error`) VALUES ('hosts',1795757075,NULL);
INSERT INTO `banbridge_source` (`source`, `last_success`, `last_error`) VALUES ('iax',1795757075,NULL);
INSERT INTO `banbridge_source` (`source`, `last_success`, `last_error`) VALUES ('interface',1795757075,NULL);
INSERT INTO `banbridge_source` (`source`, `last_success`, `last_error`) VALUES ('pjsip',1795757075,NULL);
INSERT INTO `banbridge_source` (`source`, `last_success`, `last_error`) VALUES ('resolver',1795757075,NULL);
INSERT INTO `banbridge_source` (`source`, `last_success`, `last_error`) VALUES ('sip',1795757075,NULL);
INSERT INTO `banbridge_source` (`source`, `last_success`, `last_error`) VALUES ('ssh',1795757075,NULL);
INSERT INTO `banbridge_source` (`source`, `last_success`, `last_error`) VALUES ('zone',1795757075,NULL);
CREATE TABLE `banbridge_state` (
  `name` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `value` bigint(20) NOT NULL,
  PRIMARY KEY (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_state` (`name`, `value`) VALUES ('clock',1795757075);
INSERT INTO `banbridge_state` (`name`, `value`) VALUES ('generation',3);
INSERT INTO `banbridge_state` (`name`, `value`) VALUES ('last_sync',1795757075);
INSERT INTO `banbridge_state` (`name`, `value`) VALUES ('lock_connection',14);
INSERT INTO `banbridge_state` (`name`, `value`) VALUES ('lock_pid',419);
INSERT INTO `banbridge_state` (`name`, `value`) VALUES ('root_run',1795757075);
INSERT INTO `banbridge_state` (`name`, `value`) VALUES ('row_cost:iptables',7500);
INSERT INTO `banbridge_state` (`name`, `value`) VALUES ('row_cost_at',1795757075);
INSERT INTO `banbridge_state` (`name`, `value`) VALUES ('sync_distance',0);
CREATE TABLE `banbridge_unblock` (
  `prefix` varchar(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `since` bigint(20) NOT NULL,
  `until` bigint(20) NOT NULL,
  PRIMARY KEY (`prefix`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `banbridge_unblock` (`prefix`, `since`, `until`) VALUES ('163.172.207.104',1795757075,1798349075);
