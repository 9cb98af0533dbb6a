//! The service's answers, given by a client that plays them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use object_store::ClientOptions;
use object_store::aws::AmazonS3Builder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};

use super::{Object, s3_builder};
use crate::store::Creation;
use crate::store::problem::Problem;

#[derive(Clone, Copy, Debug)]
enum Answer {
    Status(u16),
    Broken(HttpErrorKind),
}
use Answer::{Broken, Status};

/// Gives each request the next answer, and panics on a request too many: the library must not try on its own.
#[derive(Clone, Debug)]
struct Played {
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

#[async_trait]
impl HttpService for Played {
    async fn call(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer =
            self.answers.lock().unwrap().pop_front().expect("a request that nobody asked for");
        match answer {
            Status(status) => {
                let mut response =
                    HttpResponse::new(HttpResponseBody::from(Bytes::from_static(b"<Error/>")));
                *response.status_mut() = status.try_into().unwrap();
                response.headers_mut().insert("etag", "\"1\"".parse().unwrap());
                Ok(response)
            }
            Broken(kind) => Err(HttpError::new(kind, std::io::Error::other("broken"))),
        }
    }
}

impl HttpConnector for Played {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

fn builder(answers: &[Answer]) -> AmazonS3Builder {
    let played = Played { answers: Arc::new(Mutex::new(answers.iter().copied().collect())) };
    s3_builder().with_bucket_name("bucket").with_region("nowhere-1").with_http_connector(played)
}

fn s3(answers: &[Answer]) -> Object {
    let builder = builder(answers).with_access_key_id("id").with_secret_access_key("secret");
    Object::new(Arc::new(builder.build().unwrap()), "prefix")
}

#[tokio::test]
async fn a_creation_is_unknown_unless_the_answer_is_certain_and_is_tried_once() {
    let unknown = Ok(Creation::Unknown);
    let expected = [
        (Status(200), Ok(Creation::Created)),
        (Status(412), Ok(Creation::Exists)),
        (Status(409), unknown),
        (Status(500), unknown),
        (Status(503), unknown),
        (Status(408), unknown),
        (Status(403), Err(Problem::Denied)),
        (Status(401), Err(Problem::Unauthenticated)),
        (Status(404), Err(Problem::NoBucket)),
        (Status(400), Err(Problem::Other)),
        (Status(429), Err(Problem::Unreachable)),
        (Broken(HttpErrorKind::Connect), Err(Problem::Unreachable)),
        (Broken(HttpErrorKind::Timeout), unknown),
        (Broken(HttpErrorKind::Interrupted), unknown),
        (Broken(HttpErrorKind::Request), unknown),
        (Broken(HttpErrorKind::Unknown), unknown),
    ];
    for (answer, expected) in expected {
        let got = s3(&[answer]).create("log/1.json", Bytes::from_static(b"x")).await;
        assert_eq!(got.map_err(|failure| failure.problem), expected, "{answer:?}");
    }
}

#[tokio::test]
async fn other_operations_say_whether_waiting_helps() {
    let expected = [
        (Status(500), Problem::Unreachable),
        (Status(503), Problem::Unreachable),
        (Status(429), Problem::Unreachable),
        (Status(403), Problem::Denied),
        (Status(400), Problem::Other),
        (Broken(HttpErrorKind::Connect), Problem::Unreachable),
        (Broken(HttpErrorKind::Timeout), Problem::TimedOut),
    ];
    for (answer, problem) in expected {
        let put = s3(&[answer]).put("a", Bytes::from_static(b"x")).await;
        assert_eq!(put.unwrap_err().problem, problem, "{answer:?}");
        let got = s3(&[answer]).read("a", None).await;
        assert_eq!(got.err().map(|failure| failure.problem), Some(problem), "{answer:?}");
    }
    assert!(s3(&[Status(404)]).read("a", None).await.unwrap().is_none());
    assert!(s3(&[Status(404)]).head("a").await.unwrap().is_none());
}

/// The library then asks the machine for a role; here nobody answers.
#[tokio::test]
async fn missing_credentials_are_named_as_such() {
    let nobody = [Broken(HttpErrorKind::Connect)];
    let without_keys = || Object::new(Arc::new(builder(&nobody).build().unwrap()), "prefix");
    let put = without_keys().put("a", Bytes::from_static(b"x")).await;
    assert_eq!(put.unwrap_err().problem, Problem::Unauthenticated);
    let created = without_keys().create("a", Bytes::from_static(b"x")).await;
    assert_eq!(created.unwrap_err().problem, Problem::Unauthenticated);
}
