// java Pool AT_ONCE ROUNDS GAP_MS URL...: so many requests at once, again after a gap, and then nothing more.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;

public class Pool {
    public static void main(String[] args) throws Exception {
        int atOnce = Integer.parseInt(args[0]);
        int rounds = Integer.parseInt(args[1]);
        var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        for (int round = 0; round < rounds; round++) {
            if (round > 0) {
                Thread.sleep(Long.parseLong(args[2]));
            }
            var all = new ArrayList<CompletableFuture<?>>();
            for (int url = 3; url < args.length; url++) {
                for (int i = 0; i < atOnce; i++) {
                    var request = HttpRequest.newBuilder(URI.create(args[url])).build();
                    all.add(client.sendAsync(request, BodyHandlers.ofString()));
                }
            }
            for (var one : all) {
                one.exceptionally(error -> {
                    System.out.println(error);
                    return null;
                }).join();
            }
        }
        Thread.sleep(600_000);
    }
}
