//! Everything real, nothing stood in for: the `hal` program, HAProxy, Chromium, speech engines, kill -9.
//!
//! One binary, so that the libraries are linked once. Add a module only for a new part of the path.

mod crowd; // Many at once, and each gets its own answer.
mod doctor; // Every fault of the table of diagnoses, staged and named.
mod durability; // What was acknowledged survives kill -9.
mod everyday; // The everyday questions over the whole wire.
mod household; // The server and folder that each test has to itself.
mod input; // Bad input gets a typed error and keeps the connection.
mod page; // The browser client in Chromium, with a recording as its microphone.
mod proxy; // HAProxy with TLS in front, and its health checks.
mod qm_server; // Records on a QM server, for which a peer in the test stands in: there is none to install.
mod split; // Gateway and listener as two processes.
mod stopping; // What a person or an operator stops, stops.
mod voice; // A question spoken by espeak-ng, in each form that clients send sound.
