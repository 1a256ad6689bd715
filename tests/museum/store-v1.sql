-- A store of version 1 (sqlite3 iterdump). Written once; never edit it: what was stored must be read for ever.
BEGIN TRANSACTION;
CREATE TABLE event (seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, application TEXT, body TEXT NOT NULL);
INSERT INTO "event" VALUES(1,1.0,'shop','{"type":"application.suspended","subject":"Application/shop","operation":null,"revision":null,"severity":"info","key":null,"data":{"application":"shop","by":"ann","reason":"number 1"}}');
INSERT INTO "event" VALUES(2,2.0,'shop','{"type":"application.suspended","subject":"Application/shop","operation":null,"revision":null,"severity":"info","key":null,"data":{"application":"shop","by":"ann","reason":"number 2"}}');
CREATE TABLE operation (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, application TEXT NOT NULL,
            is_running INTEGER NOT NULL, finished_at REAL, body TEXT NOT NULL);
INSERT INTO "operation" VALUES(1,'1','shop',0,3.0,'{"id":"1","application":"shop","trigger":"commit","revision":"r1","desired_digest":"d","plan_digest":"p","phase":"Failed","started_at":1.0,"finished_at":3.0,"message":"","outcomes":[{"id":["host","Process","shop","web"],"status":"failed","attempts":2,"started_at":1.0,"finished_at":2.0,"failure":{"code":"HF3001","message":"it died","hint":null,"log":["line 1","line 2"],"dead":true}}],"created":[["host","Process","shop","web"]]}');
INSERT INTO "operation" VALUES(3,'2','shop',1,NULL,'{"id":"2","application":"shop","trigger":"commit","revision":"r1","desired_digest":"d","plan_digest":"p","phase":"Running","started_at":1.0,"finished_at":null,"message":"","outcomes":[],"created":[["host","Process","shop","web"]]}');
CREATE TABLE owned (destination TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
            body TEXT NOT NULL, PRIMARY KEY (destination, kind, namespace, name)) WITHOUT ROWID;
INSERT INTO "owned" VALUES('host','Process','shop','a','{"application":"shop","resource":{"id":["host","Process","shop","a"],"state":{"fields":{"command":["run","a"],"env":{"WORD":"\u00fcn\u00ef\u2028code"},"limit":1.5,"none":null},"digest":"43d6beb9a5f35ddbbdf797ad0f262e1d7f1747d644c4b70d66e5b456774c6cd3"},"needs":[["host","File","shop","conf"]],"wave":-2,"owner":{"kind":"derived","parents":[["host","Process","shop","web"]]},"policy":{"prune":false,"heal":true,"protect":false,"adopt":false,"replace_on":["user"],"restart_with":[["host","Process","shop","a"]]},"origin":{"path":"shop/web.yaml","line":3,"revision":"r1"},"labels":{"tier":"front"},"claims":[{"text":"answers on port 3000","method":"tcp","target":{"host":"127.0.0.1","port":3000},"valid_for_s":300.0}]},"revision":"r1","operation":"op-1","is_applied":true}');
CREATE TABLE record (space TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (space, key)) WITHOUT ROWID;
INSERT INTO "record" VALUES('process','a','{"pid":7}');
CREATE TABLE snapshot (seq INTEGER PRIMARY KEY, at REAL NOT NULL, view BLOB NOT NULL);
INSERT INTO "snapshot" VALUES(1,1.0,X'78016D50D16EC3200CFC95C8CF51B5BEF22B53856870124B14980D9BAA2AFF3E13AA669BF66473BE3BE37B80E00798F308AE6839BD8D2025315A644E0C26D610749673A0C9154A51C03C40D6945B65CC4948F9773000236457D6DE15C70B16CBF849A2AA0E26A685B47F9AD6926EAEA00733BB20A89B31CC7645175E0889F53805C78D55B82AE9B0EC361E8574FC63D56FDCD382A2B77554AA648CBED9C1AB1FAEF7C1C56886586F57E4E1DC4E393EBA62507AD733CE559AFAFD32C297E34871D148DA8B9B2FDB7FC13DCD274F52E5E94FC02923EFF11E7B3A6DD76CDBF60D937F94E8');
CREATE INDEX event_at ON event (at);
CREATE INDEX event_application ON event (application, seq);
CREATE INDEX operation_application ON operation (application, number);
CREATE INDEX operation_running ON operation (number) WHERE is_running;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('event',2);
INSERT INTO "sqlite_sequence" VALUES('operation',3);
COMMIT;
