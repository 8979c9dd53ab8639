// java Client LIBRARY PLAN: see PLAN.md. LIBRARY: http-client, url-connection.
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;

public class Client {
    static final long PATIENCE_MS = 600_000;
    static final int MISSING = 100_000;

    static class Answer {
        Integer status;
        String error;
        String outcome = "done";

        void failed(Throwable error, boolean timedOut) {
            this.error = error.toString();
            outcome = timedOut ? "timed-out" : "failed";
        }
    }

    interface Library {
        /** With a number of bytes, a POST whose body does not go on after them; otherwise (-1) a GET. */
        void ask(String path, int stallsAfter, Answer answer) throws Exception;

        /** False when it has no way to. */
        boolean close();
    }

    static class Modern implements Library {
        private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).proxy(HttpClient.Builder.NO_PROXY).build();
        private final String url;
        private final long limit;

        Modern(String url, long limit) {
            this.url = url;
            this.limit = limit;
        }

        @Override
        public void ask(String path, int stallsAfter, Answer answer) throws Exception {
            var request = HttpRequest.newBuilder(URI.create(url + path)).timeout(Duration.ofMillis(limit));
            if (stallsAfter >= 0) {
                Flow.Publisher<ByteBuffer> body = subscriber -> stall(subscriber, stallsAfter);
                request.POST(BodyPublishers.fromPublisher(body, stallsAfter + MISSING));
            }
            var sent = client.sendAsync(request.build(), head -> {
                answer.status = head.statusCode();
                return BodyHandlers.discarding().apply(head);
            });
            try {
                // The request's own time-out ends with the response's head.
                sent.get(limit + 100, TimeUnit.MILLISECONDS);
            } catch (ExecutionException error) {
                answer.failed(error.getCause(), error.getCause() instanceof HttpTimeoutException);
            } catch (TimeoutException error) {
                sent.cancel(true);
                answer.failed(error, true);
            }
        }

        @Override
        public boolean close() {
            return false;
        }

        /** Gives its bytes, and then neither more nor an end. */
        private static void stall(Flow.Subscriber<? super ByteBuffer> subscriber, int bytes) {
            subscriber.onSubscribe(new Flow.Subscription() {
                private boolean given = bytes == 0;

                @Override
                public void request(long count) {
                    if (!given) {
                        given = true;
                        subscriber.onNext(ByteBuffer.wrap("x".repeat(bytes).getBytes()));
                    }
                }

                @Override
                public void cancel() {
                }
            });
        }
    }

    /** Its pool is one for all: a host name for each conversation keeps them apart. */
    static class Classic implements Library {
        private final String url;
        private final int limit;
        private HttpURLConnection last;

        Classic(String url, long limit) {
            this.url = url;
            this.limit = (int) limit;
        }

        @Override
        public void ask(String path, int stallsAfter, Answer answer) throws Exception {
            var asked = (HttpURLConnection) URI.create(url + path).toURL().openConnection(Proxy.NO_PROXY);
            last = asked;
            asked.setReadTimeout(limit);
            try {
                if (stallsAfter >= 0) {
                    asked.setRequestMethod("POST");
                    asked.setDoOutput(true);
                    asked.setFixedLengthStreamingMode(stallsAfter + MISSING);
                    var out = asked.getOutputStream();
                    out.write("x".repeat(stallsAfter).getBytes());
                    out.flush();
                    // It reads nothing before the whole body is sent.
                    Thread.sleep(limit);
                    asked.disconnect();
                    throw new SocketTimeoutException("the body does not go on");
                }
                answer.status = asked.getResponseCode();
                var body = answer.status < 400 ? asked.getInputStream() : asked.getErrorStream();
                // An error without a body has no stream either.
                if (body != null) {
                    body.readAllBytes();
                }
            } catch (IOException error) {
                answer.failed(error, error instanceof SocketTimeoutException);
            }
        }

        @Override
        public boolean close() {
            if (last != null) {
                last.disconnect();
            }
            return true;
        }
    }

    static String string(String line, String key) {
        var found = Pattern.compile('"' + key + "\":\\s*\"([^\"]*)\"").matcher(line);
        found.find();
        return found.group(1);
    }

    static long number(String line, String key, long otherwise) {
        var found = Pattern.compile('"' + key + "\":\\s*(\\d+)").matcher(line);
        return found.find() ? Long.parseLong(found.group(1)) : otherwise;
    }

    static List<String> steps(String line) {
        var list = Pattern.compile("\"steps\":\\s*\\[([^\\]]*)\\]").matcher(line);
        list.find();
        return Pattern.compile("\"([^\"]*)\"").matcher(list.group(1)).results().map(found -> found.group(1)).toList();
    }

    static String quoted(String text) {
        return text == null ? "null" : '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\s", " ") + '"';
    }

    static synchronized void say(String line) {
        System.out.println(line);
    }

    static void converse(String line, Library library, long started) {
        String id = string(line, "id");
        int step = 0;
        for (String what : steps(line)) {
            long begin = System.nanoTime();
            var answer = new Answer();
            String[] words = what.split(" ");
            try {
                switch (words[0]) {
                    case "get" -> library.ask(words[1], -1, answer);
                    case "post-stall" -> library.ask(words[1], Integer.parseInt(words[2]), answer);
                    case "close" -> answer.outcome = library.close() ? "done" : "cannot";
                    case "sleep", "hold" -> Thread.sleep(Long.parseLong(words[1]));
                    default -> throw new IllegalArgumentException("no step is called " + what);
                }
            } catch (Exception error) {
                answer.failed(error, false);
            }
            say(String.format("{\"id\":\"%s\",\"step\":%d,\"what\":\"%s\",\"outcome\":\"%s\",\"status\":%s,\"error\":%s,"
                    + "\"begin\":%.6f,\"end\":%.6f,\"local_port\":null}", id, step++, what, answer.outcome,
                answer.status, quoted(answer.error), (begin - started) / 1e9, (System.nanoTime() - started) / 1e9));
        }
    }

    public static void main(String[] args) throws Exception {
        var plan = Files.readAllLines(Path.of(args[1]));
        long idle = plan.stream().mapToLong(line -> number(line, "idle_limit_ms", PATIENCE_MS)).min().orElse(PATIENCE_MS);
        String seconds = Long.toString((idle + 999) / 1000);
        System.setProperty("jdk.httpclient.keepalive.timeout", seconds);
        System.setProperty("http.keepAlive.time.server", seconds);
        var names = new StringBuilder();
        var libraries = new ArrayList<Library>();
        for (String line : plan) {
            var url = URI.create(string(line, "url"));
            long limit = number(line, "request_timeout_ms", PATIENCE_MS);
            if (args[0].equals("http-client")) {
                libraries.add(new Modern(url.toString(), limit));
            } else {
                String name = string(line, "id").toLowerCase() + ".lab";
                names.append(url.getHost()).append(' ').append(name).append('\n');
                libraries.add(new Classic("http://" + name + ':' + url.getPort(), limit));
            }
        }
        if (names.length() > 0) {
            var hosts = Files.createTempFile("hosts", "");
            hosts.toFile().deleteOnExit();
            Files.writeString(hosts, names);
            System.setProperty("jdk.net.hosts.file", hosts.toString());
        }
        long started = System.nanoTime();
        say(String.format("{\"started\":%.6f}", System.currentTimeMillis() / 1e3));
        var threads = new ArrayList<Thread>();
        for (int number = 0; number < plan.size(); number++) {
            String line = plan.get(number);
            Library library = libraries.get(number);
            var thread = new Thread(() -> converse(line, library, started));
            thread.start();
            threads.add(thread);
        }
        for (var thread : threads) {
            thread.join();
        }
        System.exit(0);
    }
}
