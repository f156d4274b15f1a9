-- Sign-ins that people began in a browser. The state and the session are kept as hashes; the rest is sealed.
CREATE TABLE pending_sign_in (
    state_hash BLOB PRIMARY KEY,
    session_hash BLOB NOT NULL,
    sealed BLOB NOT NULL,
    expires_at BIGINT NOT NULL
);
