//! An HTTP server in the test's process, on a port of its own.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_web::{App, Handler, HttpRequest, HttpResponse, HttpServer, web};

/// The server. It ends with the test.
pub(crate) struct Stub {
    /// Where it listens.
    pub address: SocketAddr,
    handle: actix_web::dev::ServerHandle,
}

impl Stub {
    /// Starts one that answers whatever comes by `handler`.
    pub(crate) fn start<S, H>(state: Arc<S>, handler: H) -> Self
    where
        S: Send + Sync + 'static,
        H: Handler<(HttpRequest, web::Bytes, web::Data<S>), Output = HttpResponse> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let data = web::Data::from(state);
        let app = move || App::new().app_data(data.clone()).default_service(web::to(handler.clone()));
        let server =
            HttpServer::new(app).workers(1).disable_signals().shutdown_timeout(0).listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, handle }
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}
