// java Client MODE HOST:PORT TARGET GIVE_UP_MS
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

public class Client {
    /** Gives ten bytes, and then neither more nor an end. */
    static void stall(Flow.Subscriber<? super ByteBuffer> subscriber) {
        subscriber.onSubscribe(new Flow.Subscription() {
            private boolean given;

            @Override
            public void request(long count) {
                if (!given) {
                    given = true;
                    subscriber.onNext(ByteBuffer.wrap("0123456789".getBytes()));
                }
            }

            @Override
            public void cancel() {
            }
        });
    }

    static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    public static void main(String[] args) throws Exception {
        String mode = args[0];
        String base = "http://" + args[1];
        String target = args[2];
        int limit = Integer.parseInt(args[3]);
        if (mode.equals("pool-timer")) {
            System.setProperty("jdk.httpclient.keepalive.timeout", "1");
        }
        var builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1);
        var uri = URI.create(base + target);
        if (mode.equals("tunnel")) {
            String[] at = args[1].split(":");
            builder.proxy(ProxySelector.of(new InetSocketAddress(at[0], Integer.parseInt(at[1]))));
            uri = URI.create("https://" + target + "/");
        }
        var client = builder.build();
        if (mode.equals("reuse")) {
            client.send(HttpRequest.newBuilder(URI.create(base + "/fast")).build(), BodyHandlers.ofString());
        }
        var request = HttpRequest.newBuilder(uri);
        if (limit > 0 && !mode.startsWith("pool")) {
            request.timeout(Duration.ofMillis(limit));
        }
        switch (mode) {
            case "head" -> request.method("HEAD", BodyPublishers.noBody());
            case "upload" -> request.POST(BodyPublishers.fromPublisher(Client::stall, 1000));
            case "upload-chunked" -> request.POST(BodyPublishers.fromPublisher(Client::stall));
            case "expect" -> request.POST(BodyPublishers.ofString("0123456789")).expectContinue(true);
            default -> request.GET();
        }
        var sent = client.sendAsync(request.build(), BodyHandlers.ofString());
        try {
            // A request's own time-out ends with the response's head.
            System.out.println(sent.get(limit > 0 ? 2 * limit : 60_000, TimeUnit.MILLISECONDS));
        } catch (ExecutionException | TimeoutException error) {
            System.out.println(error);
            sent.cancel(true);
        }
        if (mode.equals("exit")) {
            sleep(300);
            System.exit(0);
        }
        sleep(60_000);
    }
}
